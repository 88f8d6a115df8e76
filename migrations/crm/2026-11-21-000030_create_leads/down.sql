ALTER TABLE deals DROP COLUMN source_lead_id;
DROP TABLE leads;
