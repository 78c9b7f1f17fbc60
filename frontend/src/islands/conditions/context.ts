/** What every part of the builder needs to know. */

import { createContext, useContext } from "react";

import type { Api } from "./api";
import type { Catalog } from "./catalog";
import type { Say } from "./strings";

export interface Surroundings {
  api: Api;
  catalog: Catalog;
  say: Say;
  readonly: boolean;
  formatNumber(value: number): string;
  /** Read to those who do not see what an act did. */
  announce(text: string): void;
}

export const SurroundingsContext = createContext<Surroundings | null>(null);

export function useSurroundings(): Surroundings {
  return useContext(SurroundingsContext)!;
}
