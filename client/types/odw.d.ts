// odw.d.ts: everything that a workflow script finds in its realm, for editors and for `tsc --checkJs`.
// `odwctl spec` prints this file. A script is plain JavaScript: point an editor at this file with
//   /// <reference path="odw.d.ts" />
// or a jsconfig.json. Besides what stands here there are all built-ins of ECMAScript, and nothing else:
// no require, import, fetch, process, Buffer, URL, crypto, setInterval.
//
// Two dialects differ in a few places, marked [builtin] and [odw]. A script is builtin unless it is
// submitted with --dialect odw, says `meta.dialect: 'odw'`, exports its entry, has no meta, or uses a
// name or an option that only odw has. docs/scripting.md has the table.

/** A JSON Schema (draft-07 or 2020-12). Only local references; any root type. */
type JsonSchema = { [keyword: string]: any };

/** The call answered nothing that counts. [odw] only: in builtin such a call gives null or rejects. */
interface AgentFailure {
  ok: false;
  error: {
    /** 'rate_limit', 'auth', 'schema_mismatch', 'timeout', ...: `odwctl contract` lists them. */
    category: string;
    message: string;
  };
  /** What a second try might be told. */
  feedback?: string;
}

/**
 * `export const meta = {...}`: the first statement of a builtin script, and a pure literal: no names,
 * calls, spreads or template expressions in it. [odw] It may be missing, or stand anywhere.
 */
interface WorkflowMeta {
  /** What `workflow()` and `odwctl exec NAME` find it by. */
  name: string;
  description: string;
  /** For a reader (or a model) that chooses among saved workflows. */
  whenToUse?: string;
  /** Announced phases, shown before their first call. */
  phases?: Array<{
    /** As given to phase() or to the option `phase`. */
    title: string;
    detail?: string;
    /** The model of calls in this phase that name none. */
    model?: string;
  }>;
  /** Which dialect the script is written in, where it should not be told from its code. */
  dialect?: 'builtin' | 'odw';
  [other: string]: any;
}

/** Options of agent(). Unknown ones are passed on to the runtime. */
interface AgentOptions {
  /** How the call is shown. Not part of the reuse key. Default: the start of the prompt. */
  label?: string;
  /** The group it is shown in; wins over phase(). Give it inside parallel() and pipeline(). Not part of the reuse key. */
  phase?: string;
  /** JSON Schema of the answer: the call resolves to a checked value. Or the path of a file with one. */
  schema?: JsonSchema | string;
  /** A word to the model about what the schema means. */
  schemaDescription?: string;
  /** The same, under the original's names. */
  outputDescription?: string;
  finalResponseDescription?: string;

  /** Who answers: an executor's runtime. Default: the run's. */
  runtime?: 'claude' | 'codex' | 'bamboo' | 'command' | 'mock' | (string & {});
  /** Of bamboo: 'deepseek', 'kimi', 'qwen', 'zhipu', 'minimax', 'stepfun', 'xiaomi'. */
  provider?: string;
  /** The same, under the original's name. */
  bambooProvider?: string;
  /** A model's name or alias; 'inherit' is the run's. Default: the agent type's, the phase's, the run's. */
  model?: string;
  /** How hard the model thinks; clamped to what it knows. */
  effort?: 'low' | 'medium' | 'high' | 'xhigh' | 'max' | (string & {});
  /** Models to try in turn when this one cannot answer: 'runtime/model' or 'runtime:provider/model'. */
  fallback?: string | string[];
  /** A definition of .claude/agents/NAME.md: its text stands before the prompt, its model and tools apply. */
  agentType?: string;

  /** 'worktree': a git worktree of its own, from the run's base commit; its changes are kept on a ref. */
  isolation?: 'worktree' | (string & {});
  /** Paths to keep from the worktree though git ignores them. */
  keepIgnored?: string | string[];
  /** The folder it works in. Default: the run's. */
  cwd?: string;
  /** The most it may do; the strictest of pool, run and call holds. */
  permission?: 'read-only' | 'workspace-write' | 'full' | (string & {});
  /** Whether it may use the network. */
  network?: boolean | 'yes' | 'no';
  /** The tools it may use, by the runtime's names. */
  tools?: string[];

  /** Milliseconds; then the call fails with `timeout`. */
  timeoutMs?: number;
  /** The same. */
  timeout?: number;
  /** Milliseconds without a sign of progress; then the attempt is made again. */
  stallMs?: number;
  /** Answers to try against the schema, the first included. Default: 5 in builtin, 1 in odw. */
  maxAttempts?: number;
  /** The original's form of it: tries after the first. */
  retry?: number | boolean | { maxAttempts?: number; retries?: number };
  /** [odw] A name of your own for the call: a second equal call with it is the first one. */
  id?: string;
  nodeId?: string;

  /** runtime 'command': the name that the executor's configuration declares. */
  command?: string;
  /** runtime 'command': its arguments; they never pass through a shell. */
  args?: string[];

  [passedOn: string]: any;
}

/**
 * Asks a model (or runs a declared command) and waits for the answer.
 *
 * Without a schema it resolves to the final text, always a string. With one it resolves to a value that
 * fits it. When there is no answer:
 * - [builtin] null: skipped by a person, or a terminal failure of the provider (auth, refused, quota, ...).
 * - [builtin] rejects: no answer fitted the schema, the budget is spent, the run's cap of calls is
 *   reached, an unknown agentType under --strict-agent-types, a schema that nothing can meet.
 * - [odw] resolves to an AgentFailure, which is truthy: test `ok === false`.
 *
 * Inside parallel() and pipeline() a rejection is null.
 */
declare function agent(prompt: string, options: AgentOptions & { schema: JsonSchema | string }): Promise<any>;
declare function agent(prompt: string, options?: AgentOptions): Promise<string | null>;

/** Of parallel() and fanout(); all optional. */
interface ParallelOptions {
  /** At most so many thunks at once. The run's cap holds in any case, for agents alone. */
  max?: number;
  concurrency?: number;
  /** Shown for calls without a label or phase of their own. */
  label?: string;
  phase?: string;
}

/** [odw] A call of agent() as data: one of the two is there. */
type AgentNode = AgentOptions & ({ prompt: string } | { input: any });

/**
 * Calls every function at once and waits for all. Results are in the order of the functions; one that
 * throws or rejects is null in its slot and a line in the log. Never rejects because of a failed slot.
 * At most 4,096 functions.
 */
declare function parallel<T extends ReadonlyArray<((index: number) => unknown) | AgentNode>>(
  thunks: readonly [...T],
  options?: ParallelOptions,
): Promise<{ -readonly [K in keyof T]: (T[K] extends (index: number) => infer R ? Awaited<R> : any) | null }>;

/**
 * Sends each item through all stages by itself: no stage waits for the other items. A stage that throws
 * drops its item to null and skips the item's later stages; a stage that *returns* null passes it on.
 * At most 4,096 items.
 */
declare function pipeline<I, A>(
  items: ReadonlyArray<I>,
  stage: (previous: I, item: I, index: number) => A | PromiseLike<A>,
): Promise<Array<Awaited<A> | null>>;
declare function pipeline<I, A, B>(
  items: ReadonlyArray<I>,
  first: (previous: I, item: I, index: number) => A | PromiseLike<A>,
  second: (previous: Awaited<A>, item: I, index: number) => B | PromiseLike<B>,
): Promise<Array<Awaited<B> | null>>;
declare function pipeline<I, A, B, C>(
  items: ReadonlyArray<I>,
  first: (previous: I, item: I, index: number) => A | PromiseLike<A>,
  second: (previous: Awaited<A>, item: I, index: number) => B | PromiseLike<B>,
  third: (previous: Awaited<B>, item: I, index: number) => C | PromiseLike<C>,
): Promise<Array<Awaited<C> | null>>;
declare function pipeline<I>(
  items: ReadonlyArray<I>,
  ...stages: Array<(previous: any, item: I, index: number) => any>
): Promise<any[]>;

/** From here on calls belong to this phase; a title seen before goes on with its group. One for the whole run: inside parallel() give the option `phase` instead. */
declare function phase(title: string, detail?: string): void;

/** A line in the run's log. Several values are joined by a space. Never throws. */
declare function log(...values: any[]): void;

/** Goes to the run's log, too. */
declare const console: {
  log(...values: any[]): void;
  info(...values: any[]): void;
  warn(...values: any[]): void;
  error(...values: any[]): void;
  debug(...values: any[]): void;
  trace(...values: any[]): void;
  dir(value: any): void;
  table(value: any): void;
  assert(condition?: any, ...values: any[]): void;
  [method: string]: (...values: any[]) => void;
};

/**
 * Runs another workflow inline, with its own globals, and resolves to what it returns. It shares the
 * run's cap of agents, cap of calls, and budget. One level deep: a child cannot call workflow().
 * Rejects with the child's error, and when there is none of that name or path.
 *
 * @param ref a saved workflow's meta.name ('plugin:name' too), or a path relative to the run's folder.
 *   [odw] a string may be a path as well.
 * @param args its `args`: plain JSON; omitted: undefined.
 */
declare function workflow(ref: string | { scriptPath: string }, args?: any): Promise<any>;

/** What --args gave, as it was: any JSON value. undefined when nothing was given. A copy of the script's own. */
declare const args: any;

/** Tokens that the run may spend (--budget). Read-only. */
declare const budget: {
  /** null: no budget. [odw] args.budget.total counts as well. */
  readonly total: number | null;
  /** [builtin] output tokens of all calls that have settled; [odw] all tokens. Past `total`, agent() rejects. */
  spent(): number;
  /** Infinity without a budget; never below 0. */
  remaining(): number;
};

/** A timer of the run: it survives a restart of the daemon, and is cancelled when the script returns. Takes functions alone. */
declare function setTimeout<A extends any[]>(callback: (...args: A) => void, delayMs?: number, ...args: A): number;
declare function clearTimeout(id: number | undefined): void;

/** parallel() over items: `mapper` gives a value, a promise, a function, or [odw] a node. In both dialects. */
declare function fanout<I, T>(
  items: ReadonlyArray<I>,
  mapper: (item: I, index: number) => T | PromiseLike<T> | AgentNode,
  options?: ParallelOptions,
): Promise<Array<Awaited<T> | null>>;

/** A named line in the log with a value, which it returns. In both dialects. */
declare function checkpoint<T>(name: string, value?: T): T;

/**
 * A prompt that whoever starts the run hands in as args.prompts.NAME; throws `missing prompt slot NAME`
 * without one. `suggested` stands in on the mock, or where args.allowSuggestedPrompts is true. In both
 * dialects.
 */
declare function promptSlot<C>(name: string, context?: C, suggested?: string | ((context: C) => string)): string;

/** agent() on one runtime. In both dialects. */
declare const pandacode: {
  exec(runtime: string, prompt: string, options?: AgentOptions): Promise<any>;
  exec(prompt: string, options?: AgentOptions): Promise<any>;
  exec(node: AgentNode): Promise<any>;
  claude(prompt: string | AgentNode, options?: AgentOptions): Promise<any>;
  codex(prompt: string | AgentNode, options?: AgentOptions): Promise<any>;
  bamboo(prompt: string | AgentNode, options?: AgentOptions): Promise<any>;
};

/** Facts of the run. In both dialects; on odwd there is no run directory, so the paths may be ''. */
declare const odw: {
  readonly backend: string;
  readonly runId: string;
  readonly runDir: string;
  readonly statePath: string;
  /** The run that this one resumes. */
  readonly resumeFrom: string | null;
};

/** [odw] The same as `args`, but null when nothing was given. [builtin] not defined: the name is free. */
declare const input: any;
