DROP TABLE form_submissions, forms;
