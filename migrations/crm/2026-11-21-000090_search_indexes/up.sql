-- What is typed into a search field: `cont`, `start`, `end` and `matches` on names, addresses and numbers.
--
-- Without workspace_id in front: with it, every search reads the list of all rows of the workspace too, which took five
-- times as long on 200,000 contacts. Where a workspace has few rows, or a text is common, the planner takes an index
-- that begins with the workspace instead. One index for all columns of a table, so that a write has one to keep up.
--
-- Writes append to a list that searches read from end to end until it is merged, so that list is kept short.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE INDEX contacts_search_idx ON contacts
    USING gin (first_name gin_trgm_ops, last_name gin_trgm_ops, full_name gin_trgm_ops, email gin_trgm_ops, phone gin_trgm_ops)
    WITH (gin_pending_list_limit = 256) WHERE deleted_at IS NULL;
CREATE INDEX companies_search_idx ON companies
    USING gin (name gin_trgm_ops, domain gin_trgm_ops)
    WITH (gin_pending_list_limit = 256) WHERE deleted_at IS NULL;
CREATE INDEX leads_search_idx ON leads
    USING gin (first_name gin_trgm_ops, last_name gin_trgm_ops, full_name gin_trgm_ops, company_name gin_trgm_ops, email gin_trgm_ops, phone gin_trgm_ops)
    WITH (gin_pending_list_limit = 256) WHERE deleted_at IS NULL;
CREATE INDEX deals_search_idx ON deals
    USING gin (name gin_trgm_ops)
    WITH (gin_pending_list_limit = 256) WHERE deleted_at IS NULL;

-- The order of lists: newest first, and oldest first when read backwards.
CREATE INDEX contacts_newest_idx ON contacts (workspace_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX companies_newest_idx ON companies (workspace_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX leads_newest_idx ON leads (workspace_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX deals_newest_idx ON deals (workspace_id, created_at, id) WHERE deleted_at IS NULL;
DROP INDEX contacts_created_at_idx;
DROP INDEX companies_created_at_idx;
DROP INDEX leads_created_at_idx;
DROP INDEX deals_created_at_idx;
