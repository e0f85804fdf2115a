DROP TABLE deliveries;
DROP TABLE webhook_replays;
DROP TABLE webhooks;
DROP TABLE limit_notices;
DROP INDEX lots_by_opening;
DROP TABLE event_progress;
