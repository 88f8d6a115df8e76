-- The last number that was given to a record of a resource, by workspace (`#123` of a ticket). The row is held until the
-- transaction that has taken a number ends: one that is rolled back leaves no gap.
CREATE TABLE record_numbers (
    workspace_id uuid NOT NULL CONSTRAINT record_numbers_workspace_id_fkey REFERENCES workspaces (id),
    resource_type text NOT NULL,
    last_number integer NOT NULL,
    CONSTRAINT record_numbers_pkey PRIMARY KEY (workspace_id, resource_type)
);
