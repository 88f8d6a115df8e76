DROP INDEX tickets_custom_fields_idx;
DROP INDEX deals_custom_fields_idx;
DROP INDEX leads_custom_fields_idx;
DROP INDEX companies_custom_fields_idx;
DROP INDEX contacts_custom_fields_idx;
DROP TABLE custom_fields;
