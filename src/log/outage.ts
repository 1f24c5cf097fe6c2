/** The part of the server's logger that the log needs; pino's shape. */
export interface OutageLogger {
  info(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Reports a failure that comes again at every try once, and once that it is over. */
export class Outage {
  #failing = false;
  readonly #logger: OutageLogger;
  readonly #what: string;

  /** @param what stands in the report: "<what> fails", "<what> works again". */
  constructor(logger: OutageLogger, what: string) {
    this.#logger = logger;
    this.#what = what;
  }

  failed(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#logger.error({ err: error }, `${this.#what} fails and is tried again until it works`);
  }

  over(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#logger.info({}, `${this.#what} works again`);
  }
}
