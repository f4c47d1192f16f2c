-- Every Brazilian municipality with its area code, where no list is there yet. The rows come from data/location_ddd.csv: the
-- program puts them in place of the marker.
insert into location_ddd (location_cnl, ddd)
select * from (values
/* rows of data/location_ddd.csv */
) listed (location_cnl, ddd)
where not exists (select from location_ddd);
