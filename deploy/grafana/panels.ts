/** What every panel has. */
export interface Panel {
  readonly title: string;
  readonly description: string;
  /** One of Grafana's; none: a plain number. */
  readonly unit?: string;
}

/** One number, of now. */
export interface Stat extends Panel {
  readonly expr: string;
  readonly decimals?: number;
  /** Its colour, and from which value on it has another. */
  readonly colours?: readonly [string, number, string];
}

/** Lines over time: each an expression, and what it is called. */
export interface Chart extends Panel {
  readonly lines: readonly (readonly [expr: string, legend: string])[];
  readonly stacked?: boolean;
}

interface Row {
  readonly title: string;
  readonly charts: readonly Chart[];
}

export const STATS: readonly Stat[] = [
  {
    title: "Servers ready",
    description: "Processes whose database answers and has all migrations.",
    colours: ["red", 1, "green"],
    expr: "sum(docket_ready)",
  },
  {
    title: "Pending",
    description: "Tasks that are not begun.",
    expr: 'sum(max by (project) (docket_tasks{status="pending",project=~"$project"})) or vector(0)',
  },
  {
    title: "In progress",
    description: "Tasks that somebody holds.",
    expr: 'sum(max by (project) (docket_tasks{status="in_progress",project=~"$project"})) or vector(0)',
  },
  {
    title: "Parked",
    description: "Tasks that no worker gets until somebody looks at them.",
    colours: ["green", 1, "orange"],
    expr: 'sum(max by (project) (docket_tasks_parked{project=~"$project"}))',
  },
  {
    title: "Completed, last hour",
    description: "In all projects.",
    decimals: 0,
    expr: 'max(increase(docket_events_total{type="task.completed"}[1h]))',
  },
  {
    title: "Oldest ready task",
    description: "How long it has waited.",
    unit: "s",
    colours: ["green", 14400, "orange"],
    expr: 'max(docket_queue_age_seconds{project=~"$project"})',
  },
  {
    title: "Cost today",
    description: "As workers say, since midnight UTC.",
    unit: "currencyUSD",
    expr: 'sum(max by (project) (docket_usage_cost_usd{project=~"$project"}))',
  },
  { title: "Streams", description: "Subscriptions that are open.", expr: "sum(docket_subscribers)" },
];

export const ROWS: readonly Row[] = [
  {
    title: "Work",
    charts: [
      {
        title: "Completions",
        description: "Tasks that were completed, and that were added, in the hour before.",
        lines: [
          ['max(increase(docket_events_total{type="task.completed"}[1h]))', "completed"],
          ['max(increase(docket_events_total{type="task.created"}[1h]))', "added"],
        ],
      },
      {
        title: "Throughput",
        description: "Tasks a minute.",
        lines: [
          ['60 * max(rate(docket_events_total{type="task.claimed"}[$__rate_interval]))', "claimed"],
          ['60 * max(rate(docket_events_total{type="task.completed"}[$__rate_interval]))', "completed"],
        ],
      },
      {
        title: "Cycle time",
        description: "From the first claim of a task to its completion.",
        unit: "s",
        lines: [
          ["histogram_quantile(0.5, max by (le) (rate(docket_task_cycle_seconds_bucket[1h])))", "half"],
          ["histogram_quantile(0.9, max by (le) (rate(docket_task_cycle_seconds_bucket[1h])))", "nine of ten"],
        ],
      },
      {
        title: "Tasks by status",
        description: "Those on lists.",
        stacked: true,
        lines: [['sum by (status) (max by (project, status) (docket_tasks{project=~"$project"}))', "{{status}}"]],
      },
      {
        title: "Open tasks by project",
        description: "Pending and in progress.",
        stacked: true,
        lines: [
          [
            'sum by (project) (max by (project, status) (docket_tasks{status!="completed",project=~"$project"}))',
            "{{project}}",
          ],
        ],
      },
      {
        title: "Queue age",
        description: "How long the oldest ready task of a project has waited.",
        unit: "s",
        lines: [['max by (project) (docket_queue_age_seconds{project=~"$project"})', "{{project}}"]],
      },
      {
        title: "Claims, expiries, parked",
        description: "Tasks an hour.",
        lines: [
          ['max(increase(docket_events_total{type="task.claimed"}[1h]))', "claimed"],
          ['max(increase(docket_events_total{type="task.released"}[1h]))', "given back"],
          ['max(increase(docket_events_total{type="task.lease_expired"}[1h])) or vector(0)', "lease expired"],
          ['max(increase(docket_events_total{type="task.parked"}[1h])) or vector(0)', "parked"],
        ],
      },
      {
        title: "Parked tasks",
        description: "By project.",
        lines: [['max by (project) (docket_tasks_parked{project=~"$project"})', "{{project}}"]],
      },
      {
        title: "Reservations and IDs",
        description: "An hour.",
        lines: [['max by (type) (increase(docket_events_total{type=~"ids\\\\..+"}[1h]))', "{{type}}"]],
      },
    ],
  },
  {
    title: "Usage",
    charts: [
      {
        title: "Tokens today",
        description: "As workers say, since midnight UTC.",
        unit: "short",
        stacked: true,
        lines: [['sum by (kind) (max by (project, kind) (docket_usage_tokens{project=~"$project"}))', "{{kind}}"]],
      },
      {
        title: "Cost today by project",
        description: "As workers say, since midnight UTC.",
        unit: "currencyUSD",
        stacked: true,
        lines: [['max by (project) (docket_usage_cost_usd{project=~"$project"})', "{{project}}"]],
      },
      {
        title: "Budgets",
        description: "What is spent of each, in its period.",
        unit: "percentunit",
        lines: [
          [
            'max by (project) (docket_budget_spent_usd{project=~"$project"}) / max by (project) (docket_budget_usd{project=~"$project"})',
            "{{project}}",
          ],
        ],
      },
    ],
  },
  {
    title: "Requests",
    charts: [
      {
        title: "Requests",
        description: "A second, by door.",
        unit: "reqps",
        stacked: true,
        lines: [["sum by (door) (rate(docket_requests_total[$__rate_interval]))", "{{door}}"]],
      },
      {
        title: "Refused and failed",
        description: "A second, by code.",
        unit: "reqps",
        lines: [['sum by (code) (rate(docket_requests_total{code!="OK"}[$__rate_interval]))', "{{code}}"]],
      },
      {
        title: "p99 by root field",
        description: "Streams do not count.",
        unit: "s",
        lines: [
          [
            "histogram_quantile(0.99, sum by (le, field) (rate(docket_request_duration_seconds_bucket[$__rate_interval])))",
            "{{field}}",
          ],
        ],
      },
      {
        title: "Requests by root field",
        description: "A second: the ten that are asked for most.",
        unit: "reqps",
        lines: [["topk(10, sum by (field) (rate(docket_requests_total[$__rate_interval])))", "{{field}}"]],
      },
      {
        title: "Half, and 99 of 100",
        description: "Of all queries and mutations, but those that may wait for events.",
        unit: "s",
        lines: [
          [
            'histogram_quantile(0.5, sum by (le) (rate(docket_request_duration_seconds_bucket{field!="events"}[$__rate_interval])))',
            "half",
          ],
          [
            'histogram_quantile(0.99, sum by (le) (rate(docket_request_duration_seconds_bucket{field!="events"}[$__rate_interval])))',
            "99 of 100",
          ],
        ],
      },
      {
        title: "Streams and waiting callers",
        description: "By process.",
        lines: [
          ["docket_subscribers", "streams {{instance}}"],
          ["docket_waiting_callers", "waiting {{instance}}"],
        ],
      },
    ],
  },
  {
    title: "Inside",
    charts: [
      {
        title: "Log lag",
        description: "How old the oldest event is that is not in the log yet.",
        unit: "s",
        lines: [["max(docket_log_lag_seconds)", "lag"]],
      },
      {
        title: "Events",
        description: "Into the log, a second.",
        lines: [["sum(max by (type) (rate(docket_events_total[$__rate_interval])))", "events"]],
      },
      {
        title: "Database connections",
        description: "By process: busy, and calls that wait for one.",
        lines: [
          ['docket_pool_connections{state="busy"}', "busy {{instance}}"],
          ["docket_pool_waiting", "waiting {{instance}}"],
          ["max(docket_pool_size)", "at most"],
        ],
      },
      {
        title: "Slow statements",
        description: "A second, by name: the ten that come most.",
        lines: [
          [
            "topk(10, sum by (statement) (rate(docket_slow_statements_total[$__rate_interval]))) or vector(0)",
            "{{statement}}",
          ],
        ],
      },
      {
        title: "Jobs that fail",
        description: "Failures in a row.",
        lines: [["max by (job) (docket_job_failures)", "{{job}}"]],
      },
      {
        title: "Jobs that are late",
        description: "How late their work is.",
        unit: "s",
        lines: [["max by (job) (docket_job_lag_seconds)", "{{job}}"]],
      },
      {
        title: "Webhooks",
        description: "Attempts to deliver a second.",
        lines: [
          ["sum by (outcome) (rate(docket_webhook_attempts_total[$__rate_interval])) or vector(0)", "{{outcome}}"],
        ],
      },
      {
        title: "Memory",
        description: "Resident, by process.",
        unit: "bytes",
        lines: [['process_resident_memory_bytes{job="docket"}', "{{instance}}"]],
      },
      {
        title: "Event loop",
        description: "How late 99 of 100 turns are at most, by process.",
        unit: "s",
        lines: [['nodejs_eventloop_lag_p99_seconds{job="docket"}', "{{instance}}"]],
      },
    ],
  },
];
