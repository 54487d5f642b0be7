import { Icon, type IconName } from '../parts/icon.tsx'
import { t } from '../texts/texts.ts'

interface NavLinkProps {
  readonly to: string
  readonly isCurrent: boolean
  readonly icon: IconName
  readonly label: string
  readonly count?: number | undefined
  readonly color?: string | null
  /** Tasks can be dropped here. Empty for the inbox. */
  readonly list?: number | '' | undefined
}

/** A view or a list, with the number of its open tasks. */
export function NavLink({ to, isCurrent, icon, label, count = 0, color = null, list }: NavLinkProps) {
  return (
    <li>
      <a class="nav-link" href={to} aria-current={isCurrent ? 'page' : undefined} data-list={list}>
        <span class="nav-icon" style={color === null ? {} : { color }}>
          <Icon name={icon} />
        </span>
        <span class="nav-label" dir="auto">
          {label}
        </span>
        {count > 0 ? (
          <span class="count">
            {count}
            <span class="hidden"> {t().openTasks}</span>
          </span>
        ) : null}
      </a>
    </li>
  )
}
