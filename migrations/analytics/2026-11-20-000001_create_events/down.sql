DROP TABLE analytics.salts;
DROP TABLE analytics.revenue;
DROP TABLE analytics.events;
