-- Who did what to which record: one row for each change, written in the transaction of the change. Rows stay as
-- they were written; the trigger says so to programs that forget it.

CREATE TABLE audit_log (
    workspace_id uuid NOT NULL CONSTRAINT audit_log_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor_type text NOT NULL CONSTRAINT audit_log_actor_type_check CHECK (actor_type IN ('user', 'token', 'workflow', 'system')),
    -- The user, where it is one.
    actor_id uuid,
    action text NOT NULL CONSTRAINT audit_log_action_check CHECK (
        action IN (
            'create', 'update', 'destroy', 'restore', 'purge', 'sign_in', 'refuse_sign_in', 'sign_out', 'end_session',
            'change_password', 'reset_password', 'change_email', 'accept_invitation', 'add_second_factor',
            'remove_second_factor', 'use_recovery_code'
        )
    ),
    resource_type text NOT NULL,
    record_id uuid NOT NULL,
    -- {"attribute":[old,new]} of an update; json, so that keys keep the order of the declaration.
    changes json,
    request_id text,
    ip text,
    correlation_id uuid NOT NULL,
    CONSTRAINT audit_log_pkey PRIMARY KEY (workspace_id, id)
);

CREATE INDEX audit_log_at_idx ON audit_log (workspace_id, at, id);
CREATE INDEX audit_log_record_id_idx ON audit_log (workspace_id, record_id);
CREATE INDEX audit_log_actor_id_idx ON audit_log (workspace_id, actor_id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME;
END
$$;

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
