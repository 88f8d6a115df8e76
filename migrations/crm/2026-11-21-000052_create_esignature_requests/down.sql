DROP TABLE esignature_recipients, esignature_requests;
