const paths = {
  inbox: 'M3 13l3-8h12l3 8v6H3zm0 0h5l1.5 3h5L16 13h5',
  today: 'M4 6h16v14H4zM4 10h16M8 3v4m8-4v4m-5 7h3',
  upcoming: 'M4 6h16v14H4zM4 10h16M8 3v4m8-4v4m-8 7h.01M12 14h.01M16 14h.01M8 17h.01M12 17h.01',
  completed: 'M4 12l5 5L20 6',
  trash: 'M4 7h16M9 7V4h6v3m3 0l-1 13H7L6 7m4 4v5m4-5v5',
  search: 'M11 4a7 7 0 100 14 7 7 0 000-14zm5 12l5 5',
  list: 'M9 6h11M9 12h11M9 18h11M4 6h.01M4 12h.01M4 18h.01',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  menu: 'M4 7h16M4 12h16M4 17h16',
  account: 'M12 4a4 4 0 100 8 4 4 0 000-8zM4 20c1-4 4-6 8-6s7 2 8 6',
  grip: 'M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01',
  copy: 'M8 8h12v12H8zM16 8V4H4v12h4',
  calendar: 'M4 6h16v14H4zM4 10h16M8 3v4m8-4v4',
  flag: 'M6 21V4h12l-3 4 3 4H6',
  tag: 'M4 4h8l8 8-8 8-8-8zm4 4h.01',
  note: 'M5 5h14M5 10h14M5 15h8',
  history: 'M4 12a8 8 0 108-8 9 9 0 00-7 4m-1-4v4h4m4 0v4l3 2',
  cloud: 'M7 18a4 4 0 010-8 5 5 0 019-2 4 4 0 012 8M9 14l3-3 3 3m-3-3v8',
  warning: 'M12 4l9 16H3zM12 10v4m0 3h.01',
  chevron: 'M9 6l6 6-6 6',
  back: 'M15 6l-6 6 6 6',
} as const

export type IconName = keyof typeof paths

/** An icon without a name: the text beside it, or the label of its button, describes it. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  )
}
