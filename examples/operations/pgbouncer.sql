-- What PgBouncer cannot pass on is given to the role that it uses: nothing waits for long, and a statement whose caller is gone
-- ends. To be run once, by an administrator.
alter role oss set client_connection_check_interval = '1s';
alter role oss set lock_timeout = '500ms';
alter role oss set statement_timeout = '3s';
alter role oss set idle_in_transaction_session_timeout = '5s';
