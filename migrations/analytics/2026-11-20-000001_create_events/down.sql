DROP TABLE analytics.salts;
DROP TABLE analytics.event_keys;
DROP TABLE analytics.revenue;
DROP TABLE analytics.events;
