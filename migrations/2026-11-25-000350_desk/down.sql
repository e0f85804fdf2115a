DROP TABLE desk_reads;
