import { badInput } from "../errors.ts";

/** An artifact ID taken apart: `US-007` is number 7 of type US. */
export interface ArtifactId {
  readonly id: string;
  readonly artifactType: string;
  readonly number: number;
}

const PATTERN = /^([A-Z]{2,10})-([0-9]{3,10})$/;
const LARGEST_NUMBER = 2_147_483_647;

/**
 * Lower case is understood. More zeros than three digits need are not: US-0007 would be US-007 by another name.
 * @throws BAD_USER_INPUT
 */
export function parseArtifactId(text: string): ArtifactId {
  const [id, artifactType, digits = ""] = PATTERN.exec(text.toUpperCase()) ?? [];
  const number = Number(digits);
  if (!id || !artifactType || number < 1 || number > LARGEST_NUMBER || id !== artifactId(artifactType, number))
    throw badInput(
      `${JSON.stringify(text)} is not an artifact ID. Write a type, a hyphen and a number from 1 to ${LARGEST_NUMBER} of at least three digits, like US-007 or US-1000.`,
    );
  return { id, artifactType, number };
}

export const artifactId = (artifactType: string, number: number) => `${artifactType}-${`${number}`.padStart(3, "0")}`;
