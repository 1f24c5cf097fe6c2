import { countTokens } from "gpt-tokenizer/encoding/o200k_base";

/** In tokens of o200k_base, the vocabulary of GPT-4o and later; other vendors' models count alike, not the same. */
export const tokensIn = (text: string): number => countTokens(text);

/** Of a value as JSON without blanks. */
export const tokensInJson = (value: unknown): number => countTokens(JSON.stringify(value));
