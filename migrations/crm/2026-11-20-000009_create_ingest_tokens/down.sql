DROP TABLE ingest_tokens;
DROP TABLE ingest_sites;
