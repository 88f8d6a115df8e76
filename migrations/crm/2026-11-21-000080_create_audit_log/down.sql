DROP TABLE audit_heads;
DROP TABLE audit_log;
DROP FUNCTION audit_log_chain;
DROP FUNCTION audit_log_refuse;
