/** The part of the server's logger that the log needs; pino's shape. */
export interface OutageLogger {
  info(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Of one outage; reasons that name something new at every try would fill the log. */
const MOST_REASONS = 10;

/** Reports a failure that comes again at every try once for each reason, and once that it is over. */
export class Outage {
  /** What was reported; none while all is well. */
  readonly #reasons = new Set<string>();
  readonly #logger: OutageLogger;
  readonly #what: string;

  /** @param what stands in the report: "<what> fails", "<what> works again". */
  constructor(logger: OutageLogger, what: string) {
    this.#logger = logger;
    this.#what = what;
  }

  failed(error: unknown): void {
    const reason = String(error);
    if (this.#reasons.has(reason) || this.#reasons.size >= MOST_REASONS) return;
    this.#reasons.add(reason);
    this.#logger.error({ err: error }, `${this.#what} fails and is tried again until it works`);
  }

  over(): void {
    if (this.#reasons.size === 0) return;
    this.#reasons.clear();
    this.#logger.info({}, `${this.#what} works again`);
  }
}
