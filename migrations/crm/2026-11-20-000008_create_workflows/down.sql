DROP TABLE workflow_step_runs;
DROP TABLE workflow_runs;
DROP TABLE trigger_requests;
DROP TABLE workflows;
