-- Every Brazilian municipality with its area code. The rows come from data/location_ddd.csv: the program puts them in place
-- of the marker.
insert into location_ddd (location_cnl, ddd) values
/* rows of data/location_ddd.csv */;
