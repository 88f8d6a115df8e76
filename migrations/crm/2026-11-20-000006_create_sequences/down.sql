DROP TABLE tasks;
DROP TABLE sequence_enrollments;
DROP TABLE sequences;
