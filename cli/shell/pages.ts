/** What the server gives in one page. */
export const LARGEST_PAGE = 100;

interface PageOf<Node> {
  readonly nodes: readonly Node[];
  readonly pageInfo: { readonly endCursor: string | null; readonly hasNextPage: boolean };
}

/** The nodes of all pages of a list, or as many as are asked for. */
export async function allOf<Node>(
  page: (after: string | null, first: number) => Promise<PageOf<Node>>,
  most = Number.POSITIVE_INFINITY,
): Promise<Node[]> {
  const found: Node[] = [];
  for (let after: string | null = null; ; ) {
    const { nodes, pageInfo }: PageOf<Node> = await page(after, Math.min(LARGEST_PAGE, most - found.length));
    found.push(...nodes);
    if (!pageInfo.hasNextPage || found.length >= most) return found;
    after = pageInfo.endCursor;
  }
}
