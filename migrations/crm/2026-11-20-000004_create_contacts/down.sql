DROP TABLE contact_companies;
DROP TABLE contacts;
