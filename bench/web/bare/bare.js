// A minimal page with 10,000 tasks, without local copy, sync, keyboard, translations and undo.
// It shows each page of tasks as it arrives, and renders only visible rows.
import { Component, h, render } from './preact.mjs'

const height = 46
const token = location.hash.slice(1)
const query = 'limit=1000&list_id=inbox&parent_id=none&sort=position'

class List extends Component {
  state = { tasks: [], typed: '', from: 0 }

  async componentDidMount() {
    addEventListener('scroll', () => this.setState({ from: Math.floor(scrollY / height) }))
    for (let cursor = ''; cursor !== null; ) {
      const response = await fetch(
        `/api/v1/tasks?${query}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
        {
          headers: { authorization: `Bearer ${token}` },
        },
      )
      const page = await response.json()
      this.setState({ tasks: [...this.state.tasks, ...page.tasks] })
      cursor = page.next_cursor
    }
  }

  add = event => {
    if (event.key !== 'Enter') return
    const { typed, tasks } = this.state
    this.setState({ typed: '', tasks: [{ id: -tasks.length, title: typed, tags: [] }, ...tasks] })
  }

  render(_props, { tasks, typed, from }) {
    const shown = tasks.slice(from, from + Math.ceil(innerHeight / height) + 10)
    return h(
      'main',
      null,
      h('h1', null, 'Inbox'),
      h('input', {
        'aria-label': 'Add a task',
        value: typed,
        onInput: event => this.setState({ typed: event.currentTarget.value }),
        onKeyDown: this.add,
      }),
      h(
        'ul',
        { style: `height:${tasks.length * height}px` },
        shown.map((task, n) =>
          h(
            'li',
            { key: task.id, 'aria-setsize': tasks.length, style: `top:${(from + n) * height}px` },
            h('input', { type: 'checkbox', 'aria-label': task.title, checked: task.is_completed }),
            h('span', null, task.title),
            h('span', null, task.priority),
            h('span', null, task.tags.join(', ')),
            h('span', null, task.due?.date),
          ),
        ),
      ),
    )
  }
}

render(h(List), document.getElementById('app'))
