-- PgBouncer cannot pass these settings on, so its role gets them: no statement waits for long, and a statement ends if its caller
-- is gone. An administrator runs this once.
alter role oss set client_connection_check_interval = '1s';
alter role oss set lock_timeout = '500ms';
alter role oss set statement_timeout = '3s';
alter role oss set idle_in_transaction_session_timeout = '5s';
