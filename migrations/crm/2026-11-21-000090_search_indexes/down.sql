CREATE INDEX contacts_created_at_idx ON contacts (workspace_id, created_at);
CREATE INDEX companies_created_at_idx ON companies (workspace_id, created_at);
DROP INDEX companies_newest_idx;
DROP INDEX contacts_newest_idx;
DROP INDEX companies_search_idx;
DROP INDEX contacts_search_idx;
DROP EXTENSION pg_trgm;
