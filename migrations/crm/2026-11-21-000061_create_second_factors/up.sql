-- What signing in asks for besides a password, and how often it was tried.

CREATE TABLE second_factors (
    workspace_id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- What codes are made from, sealed for the user.
    sealed bytea NOT NULL,
    -- Null until the user has shown that their app knows it; until then nothing is asked for.
    confirmed_at timestamptz,
    -- The period of the last code that was used: each is good once.
    used_period bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT second_factors_pkey PRIMARY KEY (workspace_id, user_id),
    CONSTRAINT second_factors_user_id_fkey
        FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id) ON DELETE CASCADE
);

-- For who has lost the app. Each is good once, so a row goes when it is used.
CREATE TABLE recovery_codes (
    workspace_id uuid NOT NULL,
    user_id uuid NOT NULL,
    code_digest bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (workspace_id, user_id, code_digest),
    CONSTRAINT recovery_codes_user_id_fkey
        FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id) ON DELETE CASCADE
);

-- Failures by what they are counted by, under its digest. An address that somebody tries belongs to no workspace yet.
CREATE TABLE attempts (
    key bytea NOT NULL CONSTRAINT attempts_pkey PRIMARY KEY,
    failures integer NOT NULL,
    last_at timestamptz NOT NULL
);

CREATE INDEX attempts_last_at_idx ON attempts (last_at);
