-- Forms of websites, and what was sent with them.

CREATE TABLE forms (
    workspace_id uuid NOT NULL CONSTRAINT forms_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    slug text NOT NULL,
    name text,
    -- Opens the form to the public; part of its address.
    public_key text NOT NULL CONSTRAINT forms_public_key_key UNIQUE,
    -- [{"key", "type", "label", "required", "options", "maps_to"}]
    fields jsonb NOT NULL DEFAULT '[]',
    status text NOT NULL DEFAULT 'draft' CONSTRAINT forms_status_check CHECK (status IN ('draft', 'live', 'closed')),
    creates text NOT NULL DEFAULT 'contact' CONSTRAINT forms_creates_check CHECK (creates IN ('contact', 'lead', 'none')),
    dedupe_by text NOT NULL DEFAULT 'email' CONSTRAINT forms_dedupe_by_check CHECK (
        dedupe_by IN ('email', 'phone', 'none')
    ),
    -- {"honeypot": text, "min_seconds": number}
    spam jsonb NOT NULL DEFAULT '{}',
    -- Origins of pages that may show the form; any where there are none.
    allowed_origins jsonb NOT NULL DEFAULT '[]',
    -- {"message": text, "redirect_url": text}
    success jsonb NOT NULL DEFAULT '{}',
    -- Those that were accepted.
    submissions_count integer NOT NULL DEFAULT 0,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT forms_pkey PRIMARY KEY (workspace_id, id)
);

CREATE UNIQUE INDEX forms_slug_key ON forms (workspace_id, lower(slug)) WHERE deleted_at IS NULL;

-- Never changed.
CREATE TABLE form_submissions (
    workspace_id uuid NOT NULL CONSTRAINT form_submissions_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    form_id uuid NOT NULL,
    -- lock_version of the form at that time.
    form_version integer NOT NULL,
    status text NOT NULL CONSTRAINT form_submissions_status_check CHECK (status IN ('accepted', 'spam')),
    answers jsonb NOT NULL,
    contact_id uuid,
    lead_id uuid,
    page_url text,
    referrer text,
    utm jsonb,
    session_id text,
    visitor jsonb,
    -- Without its last part.
    ip text,
    user_agent text,
    consent jsonb,
    idempotency_key text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT form_submissions_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT form_submissions_form_id_fkey
        FOREIGN KEY (workspace_id, form_id) REFERENCES forms (workspace_id, id) ON DELETE CASCADE,
    CONSTRAINT form_submissions_contact_id_fkey FOREIGN KEY (workspace_id, contact_id)
        REFERENCES contacts (workspace_id, id) ON DELETE SET NULL (contact_id),
    CONSTRAINT form_submissions_lead_id_fkey FOREIGN KEY (workspace_id, lead_id)
        REFERENCES leads (workspace_id, id) ON DELETE SET NULL (lead_id)
);

CREATE UNIQUE INDEX form_submissions_idempotency_key_key
    ON form_submissions (workspace_id, form_id, idempotency_key);
CREATE INDEX form_submissions_form_id_idx ON form_submissions (workspace_id, form_id, created_at);
CREATE INDEX form_submissions_contact_id_idx ON form_submissions (workspace_id, contact_id);
CREATE INDEX form_submissions_lead_id_idx ON form_submissions (workspace_id, lead_id);
CREATE INDEX form_submissions_created_at_idx ON form_submissions (workspace_id, created_at);
