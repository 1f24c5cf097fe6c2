import { InvalidArgumentError } from "commander";

/** Reads a whole number. */
export function whole(least: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`It must be a whole number from ${least}.`);
    return value;
  };
}

/** Reads numbers from 1, separated by commas. */
export function wholes(text: string): number[] {
  return text.split(",").map(whole(1));
}
