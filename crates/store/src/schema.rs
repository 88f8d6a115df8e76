//! The tables as the database has them. Written by `make schema`, never by hand; a test compares.

#![expect(missing_docs, reason = "generated")]

diesel::table! {
    activities (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        subject -> Nullable<Text>,
        body -> Nullable<Text>,
        occurred_at -> Timestamptz,
        duration_s -> Nullable<Integer>,
        direction -> Nullable<Text>,
        outcome -> Nullable<Text>,
        payload -> Nullable<Jsonb>,
        is_internal -> Bool,
        is_pinned -> Bool,
        source_type -> Nullable<Text>,
        source_id -> Nullable<Uuid>,
        parent_type -> Nullable<Text>,
        parent_id -> Nullable<Uuid>,
        user_id -> Nullable<Uuid>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    api_tokens (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        name -> Text,
        prefix -> Text,
        token_digest -> Bytea,
        scopes -> Jsonb,
        role_cap -> Nullable<Text>,
        ip_allowlist -> Jsonb,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        last_used_ip -> Nullable<Text>,
        revoked_at -> Nullable<Timestamptz>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    attempts (key) {
        key -> Bytea,
        failures -> Integer,
        last_at -> Timestamptz,
    }
}

diesel::table! {
    audit_heads (workspace_id) {
        workspace_id -> Uuid,
        sequence -> BigInt,
        hash -> Text,
        proof -> Bytea,
        chained_at -> Timestamptz,
    }
}

diesel::table! {
    audit_log (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        at -> Timestamptz,
        actor_type -> Text,
        actor_id -> Nullable<Uuid>,
        action -> Text,
        severity -> Text,
        resource_type -> Text,
        record_id -> Uuid,
        changes -> Nullable<Json>,
        request_id -> Nullable<Text>,
        ip -> Nullable<Text>,
        device -> Nullable<Text>,
        cause -> Nullable<Json>,
        correlation_id -> Uuid,
        sequence -> Nullable<BigInt>,
        prev_hash -> Nullable<Text>,
        hash -> Nullable<Text>,
    }
}

diesel::table! {
    booking_page_hosts (workspace_id, booking_page_id, user_id) {
        workspace_id -> Uuid,
        booking_page_id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    booking_pages (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        slug -> Text,
        title -> Nullable<Text>,
        description -> Nullable<Text>,
        active -> Bool,
        assignment -> Text,
        durations -> Jsonb,
        buffer_before_s -> Integer,
        buffer_after_s -> Integer,
        min_notice_s -> Integer,
        max_ahead_days -> Nullable<Integer>,
        slot_step_s -> Integer,
        per_day_cap -> Nullable<Integer>,
        location -> Nullable<Jsonb>,
        questions -> Jsonb,
        requires_confirmation -> Bool,
        redirect_url -> Nullable<Text>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    bookings (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        title -> Nullable<Text>,
        status -> Text,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        timezone -> Text,
        attendees -> Jsonb,
        guests -> Jsonb,
        location -> Nullable<Jsonb>,
        conference_url -> Nullable<Text>,
        answers -> Jsonb,
        cancel_reason -> Nullable<Text>,
        cancelled_by -> Nullable<Text>,
        reminder_at -> Jsonb,
        ical_uid -> Text,
        sequence -> Integer,
        booking_page_id -> Nullable<Uuid>,
        host_id -> Nullable<Uuid>,
        contact_id -> Nullable<Uuid>,
        deal_id -> Nullable<Uuid>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        rescheduled_from_id -> Nullable<Uuid>,
        rescheduled_to_id -> Nullable<Uuid>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    calls (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        direction -> Text,
        status -> Text,
        from_e164 -> Nullable<Text>,
        to_e164 -> Nullable<Text>,
        started_at -> Nullable<Timestamptz>,
        answered_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        duration_s -> Nullable<Integer>,
        talk_s -> Nullable<Integer>,
        outcome -> Nullable<Text>,
        provider -> Nullable<Text>,
        provider_call_id -> Nullable<Text>,
        recording_url -> Nullable<Text>,
        recording_consent -> Nullable<Bool>,
        transcript -> Nullable<Text>,
        summary -> Nullable<Text>,
        cost -> Nullable<Numeric>,
        currency -> Nullable<Text>,
        contact_id -> Nullable<Uuid>,
        company_id -> Nullable<Uuid>,
        deal_id -> Nullable<Uuid>,
        ticket_id -> Nullable<Uuid>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    companies (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        legal_name -> Nullable<Text>,
        domain -> Nullable<Text>,
        domains -> Nullable<Jsonb>,
        website -> Nullable<Text>,
        industry -> Nullable<Text>,
        size -> Nullable<Text>,
        employees -> Nullable<Integer>,
        annual_revenue -> Nullable<Numeric>,
        currency -> Nullable<Text>,
        phone -> Nullable<Text>,
        phone_e164 -> Nullable<Text>,
        email -> Nullable<Text>,
        billing_address -> Nullable<Jsonb>,
        shipping_address -> Nullable<Jsonb>,
        tax_id -> Nullable<Text>,
        kind -> Nullable<Text>,
        parent_id -> Nullable<Uuid>,
        linkedin_url -> Nullable<Text>,
        description -> Nullable<Text>,
        logo_url -> Nullable<Text>,
        founded_on -> Nullable<Date>,
        rating -> Nullable<Double>,
        health -> Nullable<Integer>,
        mrr -> Nullable<Numeric>,
        ltv -> Nullable<Numeric>,
        last_activity_at -> Nullable<Timestamptz>,
        merged_into_id -> Nullable<Uuid>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        external_source -> Nullable<Text>,
        external_id -> Nullable<Text>,
        origin -> Text,
        custom_fields -> Jsonb,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    contact_companies (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        contact_id -> Uuid,
        company_id -> Uuid,
        role -> Nullable<Text>,
        is_primary -> Bool,
        ended_on -> Nullable<Date>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    contacts (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        full_name -> Nullable<Text>,
        salutation -> Nullable<Text>,
        title -> Nullable<Text>,
        department -> Nullable<Text>,
        email -> Nullable<Text>,
        emails -> Nullable<Jsonb>,
        phone -> Nullable<Text>,
        phone_e164 -> Nullable<Text>,
        phones -> Nullable<Jsonb>,
        company_id -> Nullable<Uuid>,
        manager_id -> Nullable<Uuid>,
        birthday -> Nullable<Date>,
        linkedin_url -> Nullable<Text>,
        twitter -> Nullable<Text>,
        website -> Nullable<Text>,
        address -> Nullable<Jsonb>,
        timezone -> Nullable<Text>,
        locale -> Nullable<Text>,
        lifecycle -> Text,
        status -> Text,
        score -> Nullable<Integer>,
        annual_value -> Nullable<Numeric>,
        currency -> Nullable<Text>,
        source -> Nullable<Text>,
        campaign -> Nullable<Text>,
        do_not_call -> Bool,
        do_not_email -> Bool,
        subscribed -> Nullable<Bool>,
        consent -> Nullable<Jsonb>,
        last_activity_at -> Nullable<Timestamptz>,
        last_contacted_at -> Nullable<Timestamptz>,
        merged_into_id -> Nullable<Uuid>,
        avatar_url -> Nullable<Text>,
        description -> Nullable<Text>,
        first_touch -> Nullable<Jsonb>,
        last_touch -> Nullable<Jsonb>,
        visitor_ids -> Nullable<Jsonb>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        external_source -> Nullable<Text>,
        external_id -> Nullable<Text>,
        origin -> Text,
        custom_fields -> Jsonb,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    custom_fields (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        resource -> Text,
        key -> Text,
        label -> Text,
        kind -> Text,
        choices -> Nullable<Jsonb>,
        required -> Bool,
        unique_values -> Bool,
        description -> Nullable<Text>,
        position -> Integer,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    deal_contacts (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        deal_id -> Uuid,
        contact_id -> Uuid,
        role -> Text,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    deal_stage_transitions (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        deal_id -> Uuid,
        from_stage_id -> Nullable<Uuid>,
        to_stage_id -> Nullable<Uuid>,
        from_kind -> Text,
        to_kind -> Text,
        seconds_in_from -> BigInt,
        amount -> Nullable<Numeric>,
        currency -> Nullable<Text>,
        probability -> Nullable<Integer>,
        actor -> Nullable<Jsonb>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    deals (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        number -> Integer,
        name -> Text,
        amount -> Nullable<Numeric>,
        currency -> Nullable<Text>,
        recurring -> Nullable<Jsonb>,
        pipeline_id -> Nullable<Uuid>,
        stage_id -> Uuid,
        status -> Text,
        probability_override -> Nullable<Integer>,
        probability -> Nullable<Integer>,
        weighted_amount -> Nullable<Numeric>,
        forecast_category -> Nullable<Text>,
        expected_close_on -> Nullable<Date>,
        closed_at -> Nullable<Timestamptz>,
        stage_entered_at -> Timestamptz,
        rotten_at -> Nullable<Timestamptz>,
        lost_reason -> Nullable<Text>,
        lost_note -> Nullable<Text>,
        competitor -> Nullable<Text>,
        source -> Nullable<Text>,
        contact_id -> Nullable<Uuid>,
        company_id -> Nullable<Uuid>,
        next_step -> Nullable<Text>,
        position -> Nullable<Double>,
        last_activity_at -> Nullable<Timestamptz>,
        description -> Nullable<Text>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        external_source -> Nullable<Text>,
        external_id -> Nullable<Text>,
        origin -> Text,
        custom_fields -> Jsonb,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        source_lead_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    esignature_recipients (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        request_id -> Uuid,
        name -> Text,
        email -> Text,
        role -> Text,
        position -> Integer,
        status -> Text,
        fields -> Jsonb,
        viewed_at -> Nullable<Timestamptz>,
        signed_at -> Nullable<Timestamptz>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        token_digest -> Nullable<Bytea>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    esignature_requests (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        title -> Text,
        status -> Text,
        documents -> Jsonb,
        signing_order -> Text,
        message -> Nullable<Text>,
        expires_at -> Nullable<Timestamptz>,
        reminder -> Nullable<Jsonb>,
        sent_at -> Nullable<Timestamptz>,
        completed_at -> Nullable<Timestamptz>,
        declined_reason -> Nullable<Text>,
        contact_id -> Nullable<Uuid>,
        deal_id -> Nullable<Uuid>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    events (workspace_id, id) {
        sequence -> BigInt,
        workspace_id -> Uuid,
        id -> Uuid,
        event_type -> Text,
        resource_type -> Text,
        record_id -> Uuid,
        occurred_at -> Timestamptz,
        data -> Json,
        changes -> Nullable<Json>,
        correlation_id -> Uuid,
        shard -> SmallInt,
        published_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    form_submissions (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        form_id -> Uuid,
        form_version -> Integer,
        status -> Text,
        answers -> Jsonb,
        contact_id -> Nullable<Uuid>,
        lead_id -> Nullable<Uuid>,
        page_url -> Nullable<Text>,
        referrer -> Nullable<Text>,
        utm -> Nullable<Jsonb>,
        session_id -> Nullable<Text>,
        visitor -> Nullable<Jsonb>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        consent -> Nullable<Jsonb>,
        idempotency_key -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    forms (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        slug -> Text,
        name -> Nullable<Text>,
        public_key -> Text,
        fields -> Jsonb,
        status -> Text,
        creates -> Text,
        dedupe_by -> Text,
        spam -> Jsonb,
        allowed_origins -> Jsonb,
        success -> Jsonb,
        submissions_count -> Integer,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    idempotency_keys (workspace_id, caller, key) {
        workspace_id -> Uuid,
        caller -> Text,
        key -> Text,
        request_digest -> Bytea,
        claim -> Uuid,
        lease_until -> Timestamptz,
        written_at -> Nullable<Timestamptz>,
        resource_type -> Nullable<Text>,
        record_id -> Nullable<Uuid>,
        answered_at -> Nullable<Timestamptz>,
        answer_sealed -> Nullable<Bytea>,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    ingest_sites (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        domain -> Nullable<Text>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    ingest_tokens (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        site_id -> Uuid,
        name -> Text,
        kind -> Text,
        token_digest -> Bytea,
        token_hint -> Text,
        enabled -> Bool,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    integrations (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        provider -> Text,
        name -> Nullable<Text>,
        status -> Text,
        config -> Jsonb,
        credentials_sealed -> Nullable<Bytea>,
        has_credentials -> Bool,
        scopes -> Jsonb,
        last_sync_at -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        error_count -> Integer,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    leads (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        full_name -> Nullable<Text>,
        title -> Nullable<Text>,
        company_name -> Nullable<Text>,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        phone_e164 -> Nullable<Text>,
        website -> Nullable<Text>,
        address -> Nullable<Jsonb>,
        industry -> Nullable<Text>,
        status -> Text,
        status_reason -> Nullable<Text>,
        source -> Nullable<Text>,
        campaign -> Nullable<Text>,
        utm -> Nullable<Jsonb>,
        value -> Nullable<Numeric>,
        currency -> Nullable<Text>,
        score -> Nullable<Integer>,
        grade -> Nullable<Text>,
        intent_signals -> Nullable<Jsonb>,
        rating -> Nullable<Text>,
        do_not_call -> Bool,
        do_not_email -> Bool,
        first_response_at -> Nullable<Timestamptz>,
        response_due_at -> Nullable<Timestamptz>,
        last_activity_at -> Nullable<Timestamptz>,
        description -> Nullable<Text>,
        visitor_ids -> Nullable<Jsonb>,
        converted_at -> Nullable<Timestamptz>,
        converted_by_id -> Nullable<Uuid>,
        converted_contact_id -> Nullable<Uuid>,
        converted_company_id -> Nullable<Uuid>,
        converted_deal_id -> Nullable<Uuid>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        external_source -> Nullable<Text>,
        external_id -> Nullable<Text>,
        origin -> Text,
        custom_fields -> Jsonb,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    mail_tokens (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        purpose -> Text,
        token_digest -> Bytea,
        email -> Nullable<Text>,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    mails (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        recipient -> Text,
        sealed -> Nullable<Bytea>,
        state -> Text,
        attempts -> Integer,
        due_at -> Timestamptz,
        lease_epoch -> BigInt,
        error -> Nullable<Text>,
        sent_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    note_mentions (workspace_id, note_id, user_id) {
        workspace_id -> Uuid,
        note_id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    notes (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        body -> Text,
        body_html -> Text,
        is_pinned -> Bool,
        edited_at -> Nullable<Timestamptz>,
        parent_type -> Text,
        parent_id -> Uuid,
        author_id -> Nullable<Uuid>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    pipelines (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        kind -> Text,
        position -> Integer,
        is_default -> Bool,
        archived -> Bool,
        currency -> Nullable<Text>,
        rules -> Jsonb,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    record_numbers (workspace_id, resource_type) {
        workspace_id -> Uuid,
        resource_type -> Text,
        last_number -> Integer,
    }
}

diesel::table! {
    recovery_codes (workspace_id, user_id, code_digest) {
        workspace_id -> Uuid,
        user_id -> Uuid,
        code_digest -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    saved_views (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        resource -> Text,
        #[sql_name = "q"]
        q_ -> Jsonb,
        sort -> Nullable<Text>,
        #[sql_name = "columns"]
        columns_ -> Jsonb,
        shared -> Bool,
        owner_id -> Nullable<Uuid>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    second_factors (workspace_id, user_id) {
        workspace_id -> Uuid,
        user_id -> Uuid,
        sealed -> Bytea,
        confirmed_at -> Nullable<Timestamptz>,
        used_period -> Nullable<BigInt>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sequence_enrollments (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        sequence_id -> Uuid,
        contact_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sequences (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        steps -> Jsonb,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    stages (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        pipeline_id -> Uuid,
        name -> Text,
        position -> Integer,
        kind -> Text,
        probability -> Nullable<Integer>,
        color -> Nullable<Text>,
        rot_after_days -> Nullable<Integer>,
        required_fields -> Jsonb,
        wip_limit -> Nullable<Integer>,
        archived -> Bool,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    taggings (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        tag_id -> Uuid,
        parent_type -> Text,
        parent_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    tags (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        color -> Nullable<Text>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    tasks (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        title -> Text,
        body -> Nullable<Text>,
        kind -> Text,
        status -> Text,
        done -> Nullable<Bool>,
        priority -> Text,
        start_at -> Nullable<Timestamptz>,
        due_at -> Nullable<Timestamptz>,
        due_on -> Nullable<Date>,
        remind_at -> Jsonb,
        recurrence -> Nullable<Text>,
        completed_at -> Nullable<Timestamptz>,
        completed_by_id -> Nullable<Uuid>,
        parent_type -> Nullable<Text>,
        parent_id -> Nullable<Uuid>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        sequence_enrollment_id -> Nullable<Uuid>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    team_members (workspace_id, team_id, user_id) {
        workspace_id -> Uuid,
        team_id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    teams (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        description -> Nullable<Text>,
        manager_id -> Nullable<Uuid>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    ticket_messages (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        ticket_id -> Uuid,
        direction -> Text,
        body -> Text,
        channel -> Nullable<Text>,
        external_message_id -> Nullable<Text>,
        attachments -> Jsonb,
        author_type -> Nullable<Text>,
        author_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    tickets (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        number -> Integer,
        subject -> Text,
        description -> Nullable<Text>,
        status -> Text,
        status_kind -> Text,
        priority -> Text,
        kind -> Nullable<Text>,
        channel -> Text,
        snoozed_until -> Nullable<Timestamptz>,
        first_response_due_at -> Nullable<Timestamptz>,
        first_responded_at -> Nullable<Timestamptz>,
        resolution_due_at -> Nullable<Timestamptz>,
        resolved_at -> Nullable<Timestamptz>,
        reopened_count -> Integer,
        sla_status -> Text,
        csat -> Nullable<Integer>,
        csat_comment -> Nullable<Text>,
        contact_id -> Nullable<Uuid>,
        company_id -> Nullable<Uuid>,
        deal_id -> Nullable<Uuid>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        duplicate_of_id -> Nullable<Uuid>,
        external_source -> Nullable<Text>,
        external_id -> Nullable<Text>,
        origin -> Text,
        custom_fields -> Jsonb,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    trigger_requests (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        workflow_id -> Uuid,
        verdict -> Text,
        content_type -> Nullable<Text>,
        headers -> Jsonb,
        query -> Jsonb,
        body -> Nullable<Jsonb>,
        raw -> Nullable<Bytea>,
        received_at -> Timestamptz,
    }
}

diesel::table! {
    user_sessions (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        jti_digest -> Bytea,
        refresh_digest -> Bytea,
        refreshed_at -> Timestamptz,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        device -> Text,
        last_seen_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    users (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        email -> Text,
        role -> Text,
        active -> Bool,
        password_digest -> Nullable<Text>,
        status -> Text,
        title -> Nullable<Text>,
        phone -> Nullable<Text>,
        phone_e164 -> Nullable<Text>,
        avatar_url -> Nullable<Text>,
        timezone -> Text,
        locale -> Text,
        working_hours -> Nullable<Jsonb>,
        signature -> Nullable<Text>,
        last_signed_in_at -> Nullable<Timestamptz>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhook_attempts (workspace_id, id, started_at) {
        workspace_id -> Uuid,
        id -> Uuid,
        delivery_id -> Uuid,
        number -> Integer,
        url -> Text,
        started_at -> Timestamptz,
        duration_ms -> Nullable<Integer>,
        durations -> Nullable<Json>,
        remote_address -> Nullable<Text>,
        tls_version -> Nullable<Text>,
        outcome -> Text,
        request_headers -> Nullable<Json>,
        response_status -> Nullable<Integer>,
        response_headers -> Nullable<Json>,
        response_body -> Nullable<Text>,
        error_layer -> Nullable<Text>,
        error -> Nullable<Text>,
        error_detail -> Nullable<Text>,
        next_attempt_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhook_deliveries (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        subscription_id -> Uuid,
        event_id -> Uuid,
        event_type -> Text,
        resource_type -> Text,
        record_id -> Uuid,
        payload_version -> Integer,
        sequence -> Nullable<BigInt>,
        has_turn -> Nullable<Bool>,
        state -> Text,
        retries -> Integer,
        attempts -> Integer,
        first_attempt_at -> Nullable<Timestamptz>,
        next_attempt_at -> Nullable<Timestamptz>,
        leased_at -> Nullable<Timestamptz>,
        lease_until -> Nullable<Timestamptz>,
        lease_epoch -> BigInt,
        replay_of_id -> Nullable<Uuid>,
        recovery_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        completed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhook_endpoints (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        breaker -> Text,
        breaker_reason -> Nullable<Text>,
        probe_at -> Nullable<Timestamptz>,
        parkings -> Integer,
        free_at -> Nullable<Timestamptz>,
        last_success_at -> Nullable<Timestamptz>,
        last_failure_at -> Nullable<Timestamptz>,
        failing_since -> Nullable<Timestamptz>,
        failures -> Integer,
        exhausted -> Integer,
        exhausted_since -> Nullable<Timestamptz>,
        warnings -> SmallInt,
        disabled_at -> Nullable<Timestamptz>,
        disabled_reason -> Nullable<Text>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    webhook_payloads (workspace_id, event_id, version) {
        workspace_id -> Uuid,
        event_id -> Uuid,
        version -> Integer,
        body -> Bytea,
        sha256 -> Bytea,
        correlation_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    webhook_recoveries (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        subscription_id -> Uuid,
        since -> Timestamptz,
        until -> Timestamptz,
        states -> Jsonb,
        rate_per_second -> Integer,
        total -> Integer,
        replayed -> Integer,
        state -> Text,
        position_created_at -> Timestamptz,
        position_id -> Uuid,
        next_page_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        completed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhook_signing_keys (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        public_key -> Text,
        private_key_sealed -> Bytea,
        expires_at -> Nullable<Timestamptz>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    webhook_subscriptions (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        url -> Text,
        description -> Nullable<Text>,
        event_types -> Jsonb,
        filter -> Nullable<Jsonb>,
        enabled -> Bool,
        enabled_at -> Timestamptz,
        max_retries -> Integer,
        rate_per_second -> Nullable<Integer>,
        concurrency -> Nullable<Integer>,
        ordering -> Text,
        payload_version -> Integer,
        ed25519 -> Bool,
        headers -> Nullable<Jsonb>,
        headers_sealed -> Nullable<Bytea>,
        secret_sealed -> Bytea,
        secret_hint -> Text,
        previous_secret_sealed -> Nullable<Bytea>,
        previous_secret_hint -> Nullable<Text>,
        previous_secret_expires_at -> Nullable<Timestamptz>,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    workflow_runs (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        workflow_id -> Uuid,
        trigger_request_id -> Nullable<Uuid>,
        state -> Text,
        definition -> Jsonb,
        context -> Jsonb,
        position -> Integer,
        attempt -> Integer,
        correlation_id -> Uuid,
        error -> Nullable<Text>,
        due_at -> Timestamptz,
        lease_until -> Nullable<Timestamptz>,
        lease_epoch -> BigInt,
        created_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    workflow_step_runs (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        run_id -> Uuid,
        position -> Integer,
        attempt -> Integer,
        key -> Text,
        step_type -> Text,
        state -> Text,
        input -> Nullable<Jsonb>,
        output -> Nullable<Jsonb>,
        error -> Nullable<Text>,
        started_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    workflows (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        active -> Bool,
        definition -> Jsonb,
        trigger_digest -> Bytea,
        trigger_hint -> Text,
        lock_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    workspaces (id) {
        id -> Uuid,
        name -> Text,
        webhook_payload_version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

/// Tables of ingest: a schema of their own, perhaps in a database of their own.
pub mod analytics {
    diesel::table! {
        analytics.event_keys (workspace_id, id) {
            workspace_id -> Uuid,
            id -> Uuid,
            received_at -> Timestamptz,
        }
    }

    diesel::table! {
        analytics.events (workspace_id, id, occurred_at) {
            workspace_id -> Uuid,
            site_id -> Uuid,
            id -> Uuid,
            occurred_at -> Timestamptz,
            received_at -> Timestamptz,
            kind -> Text,
            visitor_fingerprint -> Text,
            session_id -> Nullable<Text>,
            name -> Nullable<Text>,
            customer_id -> Nullable<Text>,
            url -> Nullable<Text>,
            path -> Nullable<Text>,
            title -> Nullable<Text>,
            referrer -> Nullable<Text>,
            referrer_source -> Nullable<Text>,
            locale -> Nullable<Text>,
            utm_source -> Nullable<Text>,
            utm_medium -> Nullable<Text>,
            utm_campaign -> Nullable<Text>,
            utm_term -> Nullable<Text>,
            utm_content -> Nullable<Text>,
            data -> Nullable<Jsonb>,
        }
    }

    diesel::table! {
        analytics.revenue (workspace_id, id, occurred_at) {
            workspace_id -> Uuid,
            site_id -> Uuid,
            id -> Uuid,
            occurred_at -> Timestamptz,
            visitor_fingerprint -> Nullable<Text>,
            session_id -> Text,
            customer_id -> Text,
            transaction_id -> Text,
            event_type -> Text,
            amount -> Numeric,
            currency -> Text,
            mrr_impact -> Nullable<Numeric>,
            is_recurring -> Bool,
            customer_subscription_id -> Nullable<Text>,
            payment_processor -> Nullable<Text>,
            metadata -> Nullable<Jsonb>,
        }
    }

    diesel::table! {
        analytics.salts (period) {
            period -> Date,
            salt -> Bytea,
        }
    }
}
