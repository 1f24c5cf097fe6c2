import { asRequesterAnew, CallerGone, type Requester } from "../../db/requester.ts";
import { DocketError } from "../../errors.ts";
import type { Clock } from "../clock.ts";
import { Delivery, type Taking } from "./delivery.ts";
import type { FrameSource } from "./frame-source.ts";
import { dueAt, type PaceSettings, type Pacing } from "./pace.ts";
import type { SendQueue } from "./send-queue.ts";
import type { Sleeper, TimerWheel } from "./timer-wheel.ts";

/** What the frames of a channel become, once for all its members. */
export interface Audience<Frame, Made> {
  /** Those of one key make the same of a frame. */
  readonly key: string;
  /** Must not fail. */
  make(frame: Frame): Made | Promise<Made>;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly queue: SendQueue;
  readonly pace: PaceSettings;
  /** Told of a frame that could not be made (the database is away); it is tried again. */
  failed(error: unknown): void;
}

/** Where the frames of one subscriber go. */
export interface Sink<Made> {
  /** Whether its client has taken all that it was sent, and waits for more. */
  readonly taken: boolean;
  send(made: Made): void;
}

/** The stream that a sink belongs to. */
export interface Owner {
  /** Whose limits the frames have that are read for it. */
  readonly requester: Requester | undefined;
  /** Ends it without another frame. */
  end(): void;
}

/** Where a member is with its frames. */
interface Standing extends Pacing {
  readonly owner: Owner;
}

/** Members that stand at the same place. */
interface Stand<Frame, Made> {
  readonly source: FrameSource<Frame>;
  readonly members: Map<Sink<Made>, Standing>;
  /** A frame is on its way to some of them: until it has left, none of them gets another. */
  moving: Move | undefined;
}

interface Move {
  /** The frame waits for its turn, or is being read from the log. */
  reading: boolean;
}

/** Pause before a frame that could not be made is tried again, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * Subscribers who get the same, each at its own place and pace: what is sent to several is taken and made once.
 *
 * Members that are caught up stand together. A member whose client has not taken its last frame, or had one a moment
 * ago, stays where it is when the others go on: nothing is kept for it but its place. Once it has caught up it stands
 * with the others again.
 */
export class Channel<Frame, Made> implements Sleeper {
  readonly #audience: Audience<Frame, Made>;
  readonly #around: Surroundings;
  readonly #onEmpty: () => void;
  readonly #stands = new Set<Stand<Frame, Made>>();
  readonly #standOf = new Map<Sink<Made>, Stand<Frame, Made>>();
  /** Where those are who are caught up. */
  #together: Stand<Frame, Made> | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;
  #moves = 0;
  /** Resolved once the last frames have left. */
  #finishing: PromiseWithResolvers<void> | undefined;

  /** @param onEmpty called when the last member has left. */
  constructor(audience: Audience<Frame, Made>, around: Surroundings, onEmpty: () => void) {
    this.#audience = audience;
    this.#around = around;
    this.#onEmpty = onEmpty;
  }

  join(sink: Sink<Made>, source: FrameSource<Frame>, owner: Owner): void {
    const now = this.#around.clock.now();
    const stand = this.#stand(source, [[sink, { owner, since: now, notBefore: now, first: true }]]);
    this.#gather(stand);
    this.want(sink);
  }

  leave(sink: Sink<Made>): void {
    const stand = this.#standOf.get(sink);
    if (!stand) return;
    this.#standOf.delete(sink);
    stand.members.delete(sink);
    if (stand.members.size === 0) this.#close(stand);
    if (this.#standOf.size > 0) return;
    this.#around.wheel.clear(this);
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#onEmpty();
  }

  /** The client of the member has taken its last frame. */
  want(sink: Sink<Made>): void {
    const stand = this.#standOf.get(sink);
    const standing = stand?.members.get(sink);
    if (!stand || !standing || stand.moving) return;
    const at = dueAt(this.#around.pace, standing, sink.taken, stand.source.ready);
    if (this.#finishing) this.#sayGoodbye(stand);
    else if (sink.taken && at <= this.#around.clock.now() && stand.members.size === 1) this.#move(stand, [sink]);
    else this.#sleep(at);
  }

  /**
   * Ends all after a last frame with the cursor to resume from; those that have not taken theirs, once they have.
   * @returns when what could be sent has left.
   */
  finish(): Promise<void> {
    this.#finishing ??= Promise.withResolvers();
    for (const stand of [...this.#stands]) {
      // A frame that is not taken yet would come too late; its events are in the last one, or behind its cursor.
      if (stand.moving?.reading) this.#arrived(stand);
      else if (!stand.moving) this.#sayGoodbye(stand);
    }
    if (this.#moves === 0) this.#finishing.resolve();
    return this.#finishing.promise;
  }

  /** It is time for some of them. */
  wake(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    if (this.#finishing) return;
    const now = this.#around.clock.now();
    for (const stand of [...this.#stands]) {
      if (stand.moving || !this.#stands.has(stand) || this.#gather(stand)) continue;
      const due: Sink<Made>[] = [];
      const stalled: Owner[] = [];
      for (const [sink, standing] of stand.members) {
        const at = dueAt(this.#around.pace, standing, sink.taken, stand.source.ready);
        if (at > now) this.#sleep(at);
        else if (sink.taken) due.push(sink);
        else stalled.push(standing.owner);
      }
      for (const owner of stalled) owner.end();
      if (due.length > 0) this.#move(stand, stand.source.ready ? due : this.#withAlmostDue(stand, due, now));
    }
  }

  /** A sign of life goes to those as well that would get one soon: from then on they get theirs together. */
  #withAlmostDue({ members }: Stand<Frame, Made>, due: readonly Sink<Made>[], now: number): Sink<Made>[] {
    const all = new Set(due);
    for (const [sink, { since }] of members)
      if (sink.taken && since + this.#around.pace.idleFrameMs / 2 <= now) all.add(sink);
    return [...all];
  }

  #sleep(at: number): void {
    if (at >= this.#wakeAt) return;
    this.#wakeAt = at;
    this.#around.wheel.set(this, at);
  }

  #stand(source: FrameSource<Frame>, members: Iterable<[Sink<Made>, Standing]>): Stand<Frame, Made> {
    const stand: Stand<Frame, Made> = { source, members: new Map(members), moving: undefined };
    this.#stands.add(stand);
    for (const sink of stand.members.keys()) this.#standOf.set(sink, stand);
    // More may come in the same batch: the frame is made when the channel is woken.
    source.onReady(() => {
      if (!stand.moving) this.#sleep(this.#around.clock.now());
    });
    return stand;
  }

  #close(stand: Stand<Frame, Made>): void {
    this.#stands.delete(stand);
    if (this.#together === stand) this.#together = undefined;
    stand.source.close();
  }

  /** @returns whether the members of the stand are with the others now, as they lack nothing either. */
  #gather(stand: Stand<Frame, Made>): boolean {
    if (!stand.source.level) return false;
    const others = this.#together;
    if (others === stand) return false;
    if (!others?.source.level || others.moving) {
      this.#together = stand;
      return false;
    }
    for (const [sink, standing] of stand.members) {
      others.members.set(sink, standing);
      this.#standOf.set(sink, others);
    }
    stand.members.clear();
    this.#close(stand);
    this.#sleep(this.#around.clock.now());
    return true;
  }

  /** All but those given stay where the stand is now, while it goes on. */
  #leaveBehind({ source, members }: Stand<Frame, Made>, going: readonly Sink<Made>[]): void {
    if (going.length === members.size) return;
    const staying = new Map(members);
    for (const sink of going) staying.delete(sink);
    for (const sink of staying.keys()) members.delete(sink);
    this.#stand(source.fork(), staying);
  }

  #move(stand: Stand<Frame, Made>, due: readonly Sink<Made>[]): void {
    this.#deliver(stand, (move) => {
      const { source, members } = stand;
      const going = due.filter((sink) => members.has(sink));
      if (going.length === 0) return undefined;
      // An empty frame takes nobody further.
      if (source.ready) this.#leaveBehind(stand, going);
      const failed = (error: unknown) => {
        if (stand.moving === move) this.#retryLater(stand, going, error);
        return undefined;
      };
      const requester = going.map((sink) => members.get(sink)?.owner.requester).find((one) => one !== undefined);
      const to = (frame: Frame) => ({ frame, to: going });
      try {
        const frame = asRequesterAnew(requester, () => source.take());
        return frame instanceof Promise ? frame.then(to, failed) : to(frame);
      } catch (error) {
        return failed(error);
      }
    });
  }

  #retryLater({ members }: Stand<Frame, Made>, due: readonly Sink<Made>[], error: unknown): void {
    // A read for one who has left is made at once for another.
    if (error instanceof CallerGone) return;
    // Its place was taken out of the log: nothing can follow, and a client that resumes is told so.
    const isOver = error instanceof DocketError && error.code === "CURSOR_EXPIRED";
    const notBefore = this.#around.clock.now() + RETRY_MS;
    if (!isOver) this.#around.failed(error);
    for (const sink of due) {
      const standing = members.get(sink);
      if (isOver) standing?.owner.end();
      else if (standing) standing.notBefore = notBefore;
    }
  }

  /** Ends those who can be sent a last frame. */
  #sayGoodbye(stand: Stand<Frame, Made>): void {
    const going = [...stand.members.keys()].filter(({ taken }) => taken);
    if (going.length === 0) return;
    this.#leaveBehind(stand, going);
    const frame = stand.source.last();
    this.#deliver(stand, () => ({ frame, to: going }));
  }

  /**
   * @param take gives the frame once its turn has come: what happens while many wait for theirs is in it, too. Undefined:
   * there is none.
   */
  #deliver(stand: Stand<Frame, Made>, take: (move: Move) => Taking<Frame, Sink<Made>>): void {
    const move = { reading: true };
    stand.moving = move;
    this.#moves++;
    const isLast = this.#finishing !== undefined;
    let since = 0;
    this.#around.queue.add(
      new Delivery(this.#around.queue, {
        // Meanwhile the last frame may have been sent instead.
        take: () => (stand.moving === move ? take(move) : undefined),
        make: (frame) => {
          move.reading = false;
          since = this.#around.clock.now();
          return this.#audience.make(frame);
        },
        send: (sink, made) => {
          const standing = stand.members.get(sink);
          // It may have left since.
          if (!standing) return;
          standing.first = false;
          standing.since = since;
          standing.notBefore = since + this.#around.pace.frameIntervalMs;
          sink.send(made);
          if (isLast) standing.owner.end();
        },
        over: () => {
          if (stand.moving === move) this.#arrived(stand);
        },
      }),
    );
  }

  #arrived(stand: Stand<Frame, Made>): void {
    stand.moving = undefined;
    this.#moves--;
    if (!this.#finishing) {
      if (stand.members.size > 0 && !this.#gather(stand)) this.#sleep(this.#around.clock.now());
      return;
    }
    this.#sayGoodbye(stand);
    if (this.#moves === 0) this.#finishing.resolve();
  }
}
