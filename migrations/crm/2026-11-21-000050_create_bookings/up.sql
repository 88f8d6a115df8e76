-- Pages where appointments are offered, who hosts them, and the appointments.

CREATE TABLE booking_pages (
    workspace_id uuid NOT NULL CONSTRAINT booking_pages_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    slug text NOT NULL,
    title text,
    description text,
    active boolean NOT NULL DEFAULT true,
    assignment text NOT NULL DEFAULT 'single' CONSTRAINT booking_pages_assignment_check CHECK (
        assignment IN ('single', 'round_robin', 'collective')
    ),
    -- Minutes to choose from: [number]
    durations jsonb NOT NULL DEFAULT '[30]',
    buffer_before_s integer NOT NULL DEFAULT 0
        CONSTRAINT booking_pages_buffer_before_s_check CHECK (buffer_before_s BETWEEN 0 AND 86400),
    buffer_after_s integer NOT NULL DEFAULT 0
        CONSTRAINT booking_pages_buffer_after_s_check CHECK (buffer_after_s BETWEEN 0 AND 86400),
    min_notice_s integer NOT NULL DEFAULT 0
        CONSTRAINT booking_pages_min_notice_s_check CHECK (min_notice_s BETWEEN 0 AND 31536000),
    max_ahead_days integer CONSTRAINT booking_pages_max_ahead_days_check CHECK (max_ahead_days BETWEEN 1 AND 730),
    slot_step_s integer NOT NULL DEFAULT 1800
        CONSTRAINT booking_pages_slot_step_s_check CHECK (slot_step_s BETWEEN 60 AND 86400),
    per_day_cap integer CONSTRAINT booking_pages_per_day_cap_check CHECK (per_day_cap BETWEEN 1 AND 1000),
    -- {"kind": "video" | "phone" | "address" | "custom", "value": text}
    location jsonb,
    -- [{"key": text, "label": text, "required": boolean}]
    questions jsonb NOT NULL DEFAULT '[]',
    requires_confirmation boolean NOT NULL DEFAULT false,
    redirect_url text,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT booking_pages_pkey PRIMARY KEY (workspace_id, id)
);

CREATE UNIQUE INDEX booking_pages_slug_key ON booking_pages (workspace_id, lower(slug)) WHERE deleted_at IS NULL;

CREATE TABLE booking_page_hosts (
    workspace_id uuid NOT NULL,
    booking_page_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT booking_page_hosts_pkey PRIMARY KEY (workspace_id, booking_page_id, user_id),
    CONSTRAINT booking_page_hosts_booking_page_id_fkey FOREIGN KEY (workspace_id, booking_page_id)
        REFERENCES booking_pages (workspace_id, id) ON DELETE CASCADE,
    CONSTRAINT booking_page_hosts_user_id_fkey
        FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX booking_page_hosts_user_id_idx ON booking_page_hosts (workspace_id, user_id);

CREATE TABLE bookings (
    workspace_id uuid NOT NULL CONSTRAINT bookings_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    title text,
    status text NOT NULL DEFAULT 'confirmed' CONSTRAINT bookings_status_check CHECK (
        status IN ('pending', 'confirmed', 'cancelled', 'rescheduled', 'completed', 'no_show', 'declined')
    ),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    -- Of the invitee, as in the IANA database.
    timezone text NOT NULL,
    -- [{"name": text, "email": text, "status": text}]
    attendees jsonb NOT NULL DEFAULT '[]',
    -- Addresses of those who come along: [text]
    guests jsonb NOT NULL DEFAULT '[]',
    -- As that of the page.
    location jsonb,
    conference_url text,
    -- What the questions of the page were answered with, by key.
    answers jsonb NOT NULL DEFAULT '{}',
    cancel_reason text,
    cancelled_by text CONSTRAINT bookings_cancelled_by_check CHECK (cancelled_by IN ('host', 'invitee', 'system')),
    -- [instant]
    reminder_at jsonb NOT NULL DEFAULT '[]',
    -- UID and SEQUENCE of RFC 5545: the same UID and a higher SEQUENCE after each move.
    ical_uid text NOT NULL,
    sequence integer NOT NULL DEFAULT 0,
    booking_page_id uuid,
    host_id uuid,
    contact_id uuid,
    deal_id uuid,
    owner_id uuid,
    team_id uuid,
    rescheduled_from_id uuid,
    rescheduled_to_id uuid,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT bookings_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT bookings_ends_at_check CHECK (ends_at > starts_at),
    CONSTRAINT bookings_booking_page_id_fkey FOREIGN KEY (workspace_id, booking_page_id)
        REFERENCES booking_pages (workspace_id, id) ON DELETE SET NULL (booking_page_id),
    CONSTRAINT bookings_host_id_fkey FOREIGN KEY (workspace_id, host_id)
        REFERENCES users (workspace_id, id) ON DELETE SET NULL (host_id),
    CONSTRAINT bookings_contact_id_fkey FOREIGN KEY (workspace_id, contact_id)
        REFERENCES contacts (workspace_id, id) ON DELETE SET NULL (contact_id),
    CONSTRAINT bookings_deal_id_fkey FOREIGN KEY (workspace_id, deal_id)
        REFERENCES deals (workspace_id, id) ON DELETE SET NULL (deal_id),
    CONSTRAINT bookings_owner_id_fkey FOREIGN KEY (workspace_id, owner_id)
        REFERENCES users (workspace_id, id) ON DELETE SET NULL (owner_id),
    CONSTRAINT bookings_team_id_fkey FOREIGN KEY (workspace_id, team_id)
        REFERENCES teams (workspace_id, id) ON DELETE SET NULL (team_id),
    CONSTRAINT bookings_rescheduled_from_id_fkey FOREIGN KEY (workspace_id, rescheduled_from_id)
        REFERENCES bookings (workspace_id, id) ON DELETE SET NULL (rescheduled_from_id),
    -- The moved booking gives its time free before the one that follows it takes another.
    CONSTRAINT bookings_rescheduled_to_id_fkey FOREIGN KEY (workspace_id, rescheduled_to_id)
        REFERENCES bookings (workspace_id, id) ON DELETE SET NULL (rescheduled_to_id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX bookings_starts_at_idx ON bookings (workspace_id, starts_at);
CREATE INDEX bookings_created_at_idx ON bookings (workspace_id, created_at);
CREATE INDEX bookings_booking_page_id_idx ON bookings (workspace_id, booking_page_id);
CREATE INDEX bookings_host_id_idx ON bookings (workspace_id, host_id, starts_at);
CREATE INDEX bookings_contact_id_idx ON bookings (workspace_id, contact_id);
CREATE INDEX bookings_deal_id_idx ON bookings (workspace_id, deal_id);
CREATE INDEX bookings_owner_id_idx ON bookings (workspace_id, owner_id);
CREATE INDEX bookings_team_id_idx ON bookings (workspace_id, team_id);
CREATE INDEX bookings_rescheduled_from_id_idx ON bookings (workspace_id, rescheduled_from_id);
CREATE INDEX bookings_rescheduled_to_id_idx ON bookings (workspace_id, rescheduled_to_id);
