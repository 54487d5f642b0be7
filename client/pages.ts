/** `limit` is the page size, `cursor` the `next_cursor` of the page before. */
export type PageOptions = {
  readonly limit?: number
  readonly cursor?: string
}

/** The items of all pages. A page is fetched when the items before it have been taken. */
export async function* iterate<Page extends { readonly next_cursor: string | null }, Item>(
  fetchPage: (cursor: { readonly cursor?: string }) => Promise<Page>,
  itemsOf: (page: Page) => readonly Item[],
): AsyncGenerator<Item, void, undefined> {
  let cursor: string | null | undefined
  do {
    const page: Page = await fetchPage(cursor ? { cursor } : {})
    yield* itemsOf(page)
    cursor = page.next_cursor
  } while (cursor)
}
