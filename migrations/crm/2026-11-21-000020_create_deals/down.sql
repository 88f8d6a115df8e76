DROP TABLE deal_stage_transitions;
DROP TABLE deal_contacts;
DROP TABLE deals;
