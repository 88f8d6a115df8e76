-- Requests that said by a key that they shall be executed once: who executes one, what it has written, and what was
-- answered. A row is kept for as long as the key counts.

CREATE TABLE idempotency_keys (
    workspace_id uuid NOT NULL CONSTRAINT idempotency_keys_workspace_id_fkey REFERENCES workspaces (id),
    -- Keys of two callers never meet: `user:<id>`, `token:<digest>` or `service:<name>`.
    caller text NOT NULL,
    key text NOT NULL CONSTRAINT idempotency_keys_key_check CHECK (length(key) BETWEEN 1 AND 255),
    -- SHA-256 of the request's method, address and body.
    request_digest bytea NOT NULL,
    -- Who executes it; somebody else does once the lease has run out and nothing was written.
    claim uuid NOT NULL,
    lease_until timestamptz NOT NULL,
    -- Set in the transaction of the write, with the record that it made.
    written_at timestamptz,
    resource_type text,
    record_id uuid,
    -- Set with the answer: status, headers and body, sealed for the claim; null where it was too large to be kept.
    answered_at timestamptz,
    answer_sealed bytea,
    expires_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (workspace_id, caller, key)
);

-- What is forgotten, of all workspaces.
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);
