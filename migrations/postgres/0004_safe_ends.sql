-- What keeps a number that was confirmed to a caller from being released, and one unusual row from stopping the others.

-- Programs that know nothing of brands and expiry still insert previews.
alter table preview
    alter brand_id set default 'unknown',
    alter expires_at set default clock_timestamp() + interval '15 minutes';

alter table reservation
    -- Names the attempt that took the lease: its own first one, or a later one that took it up again.
    add lease_id  uuid,
    -- Why the row cannot be acted on: then nothing claims it, and a person has to decide.
    add set_aside varchar(128);

-- A lease whose answer was lost is found by its name, and ended.
create unique index reservation_lease on reservation (lease_id) where state = 'PENDING';

create index reservation_set_aside on reservation (id) where set_aside is not null;

-- A hold is worked on by one attempt at a time. If there are more, the release of a hold that another attempt has is dropped, and of
-- several releases the first one stays.
update reservation r
set state = case r.state when 'CANCELLING' then 'REJECTED' else 'RELEASED' end, due_at = null,
    last_error = 'another attempt has the hold', updated_at = clock_timestamp()
where r.state in ('RELEASING', 'CANCELLING')
  and exists (
      select from reservation other
      where other.external_id = r.external_id and other.msisdn = r.msisdn
        and (
            other.state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED')
            or other.state in ('RELEASING', 'CANCELLING') and other.id < r.id
        )
  );

-- So an attempt at a hold and a release of the same hold cannot both begin.
create unique index reservation_hold on reservation (external_id, msisdn) where state not in ('RELEASED', 'REJECTED');
