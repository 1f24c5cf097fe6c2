/** The name of a webhook's place in the log (`log_readers`). */
export const readerOf = (webhookId: string) => `webhook:${webhookId}`;
