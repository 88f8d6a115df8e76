-- Who did what: one line for each change of a record, written in the transaction of the change, and one for what else
-- matters to safety, such as a sign-in. docs/audit.md says what is promised of it.

CREATE TABLE audit_log (
    workspace_id uuid NOT NULL CONSTRAINT audit_log_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    -- In whole milliseconds, as clients see it: whoever checks an export hashes what is shown.
    at timestamptz NOT NULL,
    actor_type text NOT NULL CONSTRAINT audit_log_actor_type_check CHECK (actor_type IN ('user', 'token', 'workflow', 'system')),
    -- The user or the token, where it is one.
    actor_id uuid,
    action text NOT NULL CONSTRAINT audit_log_action_check CHECK (
        action IN (
            'create', 'update', 'destroy', 'restore', 'purge',
            'sign_in', 'sign_out', 'end_session', 'reuse_refresh_token',
            'refuse_sign_in', 'change_password', 'reset_password', 'change_email', 'accept_invitation',
            'add_second_factor', 'remove_second_factor', 'use_recovery_code', 'change_role'
        )
    ),
    severity text NOT NULL CONSTRAINT audit_log_severity_check CHECK (severity IN ('info', 'warning', 'critical')),
    resource_type text NOT NULL,
    record_id uuid NOT NULL,
    -- {"attribute":[old,new]}; json, so that keys keep the order of the declaration and the text stays as it was hashed.
    changes json,
    request_id text,
    ip text,
    -- The user agent, shortened.
    device text,
    -- {"run_id":…}: what it was done for, where that is known.
    cause json,
    correlation_id uuid NOT NULL,
    -- Its place in the chain of the workspace, the hash of the line before it and its own; null until it is chained.
    sequence bigint,
    prev_hash text,
    hash text,
    CONSTRAINT audit_log_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT audit_log_chained_check CHECK (
        num_nulls(sequence, prev_hash, hash) IN (0, 3)
        AND length(prev_hash) = 64 AND length(hash) = 64
    )
);

CREATE INDEX audit_log_at_idx ON audit_log (workspace_id, at, id);
CREATE INDEX audit_log_record_id_idx ON audit_log (workspace_id, record_id);
CREATE INDEX audit_log_actor_id_idx ON audit_log (workspace_id, actor_id);
CREATE INDEX audit_log_severity_idx ON audit_log (workspace_id, severity, at) WHERE severity <> 'info';
CREATE UNIQUE INDEX audit_log_sequence_key ON audit_log (workspace_id, sequence) WHERE sequence IS NOT NULL;
-- What waits to be chained, of all workspaces.
CREATE INDEX audit_log_unchained_idx ON audit_log (workspace_id, id) WHERE sequence IS NULL;

-- Where the chain of a workspace ends.
CREATE TABLE audit_heads (
    workspace_id uuid NOT NULL CONSTRAINT audit_heads_workspace_id_fkey REFERENCES workspaces (id),
    -- The place of the last line, and its hash.
    sequence bigint NOT NULL,
    hash text NOT NULL CONSTRAINT audit_heads_hash_check CHECK (length(hash) = 64),
    -- HMAC of both under a key that the database does not have.
    proof bytea NOT NULL,
    chained_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_heads_pkey PRIMARY KEY (workspace_id)
);

-- Lines stay as they were written: the triggers say so to programs that forget it, the chain finds out whoever takes
-- the triggers away.
CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'lines of the audit log are never changed or removed';
END
$$;

-- A line takes its place in the chain once; nothing else of it changes.
CREATE FUNCTION audit_log_chain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.sequence IS NULL THEN
        OLD.sequence := NEW.sequence;
        OLD.prev_hash := NEW.prev_hash;
        OLD.hash := NEW.hash;
        IF NEW.sequence IS NOT NULL AND OLD *= NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'lines of the audit log are never changed or removed';
END
$$;

CREATE TRIGGER audit_log_append_only BEFORE DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse();
CREATE TRIGGER audit_log_chained_once BEFORE UPDATE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_chain();
