DROP TABLE webhook_attempts, webhook_deliveries, webhooks, log_readers;
