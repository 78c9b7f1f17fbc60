/**
 * Every word of the condition builder. These are the English defaults; the server sends the same keys in the reader's
 * language as `props.words`. `%(name)s` stands for a value, as in Python.
 */

export const ENGLISH = {
  // The frame
  "builder.label": "Conditions",
  "builder.undo": "Undo",
  "builder.redo": "Redo",
  "builder.view": "View",
  "builder.visual": "Builder",
  "builder.raw": "JSON",
  "builder.keys": "Keys",
  "builder.loading": "Loading your attributes, tags and events…",
  "builder.no_catalog": "The lists of attributes, tags and events did not arrive.",
  "builder.retry": "Try again",

  // Nothing yet
  "empty.title": "Everybody.",
  "empty.text": "Add a condition to narrow it.",
  "empty.readonly": "No conditions: everybody is in.",
  "empty.ideas": "Often used",
  "idea.opened": "Opened in the last 30 days",
  "idea.asleep": "Nothing opened in the last 90 days",
  "idea.new": "Joined in the last 7 days",
  "idea.engaged": "Engagement score of 60 and more",

  // Groups
  "group.label": "Group",
  "group.who": "Contacts who match",
  "group.match": "How the conditions of this group are joined",
  "group.all": "all of these",
  "group.any": "any of these",
  "group.none": "none of these",
  "group.not_all": "not all of these",
  "group.and": "and",
  "group.or": "or",
  "group.nor": "nor",
  "group.empty": "This group is empty.",
  "group.too_deep": "Groups can be nested %(depth)s levels deep.",

  // Acts
  "act.add": "Add condition",
  "act.add_group": "Add group",
  "act.remove": "Delete",
  "act.duplicate": "Duplicate",
  "act.menu": "More for %(name)s",
  "act.up": "Move up",
  "act.down": "Move down",
  "act.out": "Move out of the group",
  "act.in": "Move into the next group",
  "act.wrap": "Put into a new group",
  "act.unwrap": "Dissolve the group",
  "act.negate": "Turn into its opposite",
  "act.grip": "Move %(name)s: drag, or Alt and an arrow key",
  "act.change": "Change what is asked",

  // Said to screen readers after an act
  "said.added": "Added: %(name)s.",
  "said.removed": "Deleted: %(name)s.",
  "said.duplicated": "Duplicated: %(name)s.",
  "said.moved": "Moved. Now %(place)s of %(count)s in its group.",
  "said.not_moved": "It cannot move further.",
  "said.wrapped": "Put into a new group.",
  "said.unwrapped": "Group dissolved.",
  "said.undone": "Undone.",
  "said.redone": "Redone.",
  "said.count": "Matching contacts: %(number)s.",
  "said.about": "Matching contacts: about %(number)s.",

  // The menu of what can be asked
  "menu.search": "Search attributes, tags, events…",
  "menu.none": "Nothing is called that.",
  "menu.list": "What can be asked",
  "menu.profile": "Profile",
  "menu.tags": "Tags & topics",
  "menu.behavior": "Behavior",
  "menu.events": "Events",
  "menu.segments": "Segments",
  "menu.other": "Other",
  "menu.uses": "used %(count)s×",
  "menu.more": "%(count)s more: type to find them",

  // Kinds
  "kind.tag": "Tags",
  "kind.topic": "Topic",
  "kind.source": "Came by",
  "kind.segment": "Segment",
  "kind.standing": "Sending status",
  "kind.address": "Address check",
  "kind.random": "Random share",
  "kind.engagement": "Engagement score",
  "kind.event": "Event",
  "kind.attribute": "Attribute",
  "kind.unknown": "Unknown condition",
  "kind.unknown_help": "This builder does not know it. It stays as it is; change it in the JSON view.",
  "kind.event_other": "Another event…",

  // Fields every contact has
  "field.email": "Email address",
  "field.domain": "Email domain",
  "field.name": "Name",
  "field.language": "Language",
  "field.timezone": "Time zone",
  "field.created": "Joined",

  // Operators; `op.TYPE.NAME` wins over `op.NAME`
  "op.label": "Comparison",
  "op.equals": "is",
  "op.differs": "is not",
  "op.contains": "contains",
  "op.not_contains": "does not contain",
  "op.begins": "begins with",
  "op.ends": "ends with",
  "op.in": "is one of",
  "op.not_in": "is none of",
  "op.less": "is less than",
  "op.at_most": "is at most",
  "op.more": "is more than",
  "op.at_least": "is at least",
  "op.between": "is between",
  "op.before": "is before",
  "op.after": "is after",
  "op.anniversary": "has its anniversary",
  "op.has_any": "has any of",
  "op.has_all": "has all of",
  "op.has_none": "has none of",
  "op.empty": "is empty",
  "op.filled": "is filled",
  "op.tag.has_any": "include any of",
  "op.tag.has_all": "include all of",
  "op.tag.has_none": "include none of",
  "op.tag.empty": "– there are none",
  "op.tag.filled": "– there is at least one",
  "op.date.equals": "is on",
  "op.date.differs": "is not on",
  "op.time.equals": "is on",
  "op.time.differs": "is not on",

  // Values
  "value.label": "Value",
  "value.first": "From",
  "value.second": "To",
  "value.and": "and",
  "value.type": "Type a value",
  "value.search": "Search or type…",
  "value.choose": "Choose…",
  "value.add": "Add…",
  "value.remove": "Remove %(name)s",
  "value.yes": "yes",
  "value.no": "no",
  "value.contacts": "%(count)s contacts",
  "value.gone": "%(name)s (not there any more)",

  // Days
  "day.kind": "Kind of day",
  "day.date": "a day",
  "day.today": "today",
  "day.ago": "days ago",
  "day.ahead": "days from today",
  "day.moment": "an exact moment (UTC)",
  "day.count": "Days",
  "anniversary.label": "When",
  "anniversary.today": "today",
  "anniversary.next_7": "in the next 7 days",
  "anniversary.next_30": "in the next 30 days",
  "anniversary.last_7": "in the last 7 days",
  "anniversary.own": "between two days…",
  "anniversary.from": "First day, counted from today",
  "anniversary.to": "Last day, counted from today",
  "anniversary.until": "to",
  "anniversary.days": "days from today",

  // Periods
  "period.label": "When",
  "period.ever": "ever",
  "period.last": "in the last",
  "period.days": "days",
  "period.between": "between two days",
  "period.from": "from",
  "period.to": "to",

  // What people did
  "activity.sent": "Was sent",
  "activity.received": "Received",
  "activity.opened": "Opened",
  "activity.clicked": "Clicked",
  "activity.replied": "Replied to",
  "activity.bounced": "Bounced",
  "activity.complained": "Complained about",
  "activity.of": "Which emails",
  "activity.any": "any email",
  "activity.campaign": "the campaign",
  "activity.topic": "emails about",
  "activity.last": "the last campaigns",
  "activity.last_topic": "the last campaigns about",
  "activity.last_count": "How many campaigns",
  "activity.link": "Link",
  "activity.any_link": "any link",

  // How often
  "times.label": "How often",
  "times.once": "at least once",
  "times.never": "never",
  "times.at_least": "at least",
  "times.at_most": "at most",
  "times.equals": "exactly",
  "times.number": "Times",
  "times.times": "times",
  "times.messages": "different emails",
  "times.unit": "What is counted",

  // Events
  "event.name": "Event",
  "event.where": "where",
  "event.property": "Property",
  "event.add_where": "Filter by property",
  "event.add_measure": "Add total or other measure",
  "event.with": "and",
  "event.measure": "Measure",
  "event.remove_where": "Remove this filter",
  "event.remove_measure": "Remove this measure",
  "event.moment": "(the moment)",
  "measure.count": "count",
  "measure.sum": "sum of",
  "measure.average": "average of",
  "measure.min": "smallest",
  "measure.max": "largest",
  "measure.first": "first",
  "measure.last": "last",

  // Is, is not
  "is.label": "Is or is not",
  "is.is": "is",
  "is.not": "is not",
  "is.in": "is in",
  "is.not_in": "is not in",
  "not.chip": "not",
  "not.remove": "Take the “not” away",

  // Topics
  "topic.name": "Topic",
  "topic.state": "State",
  "topic.subscribed": "subscribed",
  "topic.pending": "waiting for confirmation",
  "topic.unsubscribed": "unsubscribed",
  "topic.never_asked": "never asked",
  "topic.basis": "Lawful basis",
  "basis.any": "on any basis",
  "basis.consent": "by consent",
  "basis.contract": "by contract",
  "basis.law": "by law",

  // Where they came from
  "source.label": "Came by",
  "source.ways": "Any of a kind",
  "source.ones": "One of them",
  "source.form": "a form",
  "source.import": "an import",
  "source.api": "the API",
  "source.integration": "an integration",
  "source.demo": "the demo data",

  // Standing and address
  "standing.label": "Standing",
  "standing.mailable": "allowed",
  "standing.suppressed": "suppressed",
  "standing.restricted": "restricted",
  "standing.reason": "Reason",
  "reason.any": "for any reason",
  "reason.hard_bounce": "hard bounce",
  "reason.complaint": "complaint",
  "reason.unsubscribe": "unsubscribed from everything",
  "reason.manual": "added by hand",
  "finding.label": "Finding",
  "finding.role": "a role address (info@, sales@)",
  "finding.disposable": "a disposable address",
  "finding.typo": "a likely typo (gmial.com)",
  "finding.no_mail_server": "at a domain without a mail server",

  // Share and score
  "random.percent": "Percent",
  "random.unit": "% of all contacts, the same ones each time",
  "score.low": "0 cold",
  "score.high": "100 hot",
  "segment.name": "Segment",

  // What is not filled in yet, at the place
  "gap.value": "Fill in a value.",
  "gap.number": "Fill in a number.",
  "gap.day": "Choose a day.",
  "gap.days": "Fill in a number of days from 1 to 3650.",
  "gap.choice": "Choose one.",
  "gap.list": "Choose at least one.",
  "gap.order": "The first must not be larger than the second.",
  "gap.percent": "Fill in a percentage from 0.01 to 99.99.",
  "gap.score": "Fill in a score from 0 to 100.",
  "gap.times": "Fill in how often.",
  "gap.empty_group": "Add a condition or delete the group.",

  // The side: count, sentence, people, overlap
  "count.title": "Matching contacts",
  "count.exact": "exact",
  "count.about": "about",
  "count.counting": "counting…",
  "count.range": "between %(low)s and %(high)s",
  "count.ms": "%(ms)s ms",
  "count.share": "%(percent)s of all %(total)s contacts",
  "count.waiting": "Fill in the marked condition to count.",
  "count.faulty": "Correct the marked condition to count.",
  "sentence.title": "In plain words",
  "people.show": "Show ten of them",
  "people.again": "Show others",
  "people.hide": "Hide",
  "people.title": "Some of them",
  "people.none": "Nobody matches.",
  "overlap.title": "Overlap with another segment",
  "overlap.label": "Compare with",
  "overlap.choose": "Choose a segment…",
  "overlap.this": "Only here",
  "overlap.both": "In both",
  "overlap.other": "Only in %(name)s",
  "overlap.picture": "Two circles: %(here)s only here, %(both)s in both, %(there)s only in %(name)s.",
  "faults.elsewhere": "To correct",

  // Errors of the way to the server
  "error.offline": "No connection to the server. Your changes are kept here.",
  "error.signed_out": "You are signed out. Sign in in another tab, then try again; your changes are kept here.",
  "error.server": "The server could not answer (%(status)s). Your changes are kept here.",

  // The JSON view
  "raw.label": "The condition as JSON",
  "raw.help": "For experts: the same language as in the API. What you type is taken over as soon as it is valid.",
  "raw.invalid": "This is not valid JSON: %(reason)s",
  "raw.shape": "At %(path)s a group or a condition is expected.",
  "raw.deep": "Groups are nested deeper than %(depth)s levels.",
  "raw.kept": "The JSON view holds text that is not valid yet. The builder shows what was valid last.",
  "raw.back": "Back to the text",
  "raw.drop": "Discard the text",
  "raw.format": "Tidy up",

  // Keys
  "keys.title": "Keys",
  "keys.move": "Move a condition up or down",
  "keys.level": "Move it out of its group or into the next one",
  "keys.duplicate": "Duplicate",
  "keys.remove": "Delete",
  "keys.undo": "Undo, redo",
} as const;

export type WordKey = keyof typeof ENGLISH;
export type Words = Partial<Record<string, string>>;
export type Say = (key: WordKey, values?: Record<string, string | number>) => string;

/** The words in force: the server's where it sends them, English else. */
export function makeSay(...words: (Words | undefined)[]): Say {
  const all: Words = Object.assign({}, ENGLISH, ...words);
  return (key, values) => fill(all[key] || ENGLISH[key] || key, values);
}

function fill(text: string, values: Record<string, string | number> = {}): string {
  return text.replace(/%\((\w+)\)s/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The word for a name that comes from data, such as an operator; the name itself when there is none. */
export function sayNamed(say: Say, prefix: string, name: string): string {
  const key = `${prefix}.${name}` as WordKey;
  const word = say(key);
  return word === key ? name : word;
}
