// panel.js - what stands beside the picture, in words. Names from the recording become text nodes, never markup.
'use strict';

// An element; children are elements or texts.
function element(tag, properties, ...children) {
	const made = Object.assign(document.createElement(tag), properties);
	made.append(...children);
	return made;
}

// [[name, value]] as a list; what is empty is left out.
function facts(rows) {
	return element('dl', {}, ...rows.filter(([, value]) => value !== '' && value !== undefined)
		.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));
}

function table(heads, rows) {
	const cells = (tag, row) => row.map(cell => element(tag, {}, cell));
	return element('table', {},
		element('thead', {}, element('tr', {}, ...cells('th', heads))),
		element('tbody', {}, ...rows.map(row => element('tr', {}, ...cells('td', row)))));
}

const ROWS_MOST = 200;

class Panel {
	// choose(span): what a click on a row does.
	constructor(recording, choose) {
		this.recording = recording;
		this.choose = choose;
	}

	link(text, span) {
		const button = element('button', {className: 'link', type: 'button'}, text);
		button.addEventListener('click', () => this.choose(span));
		return button;
	}

	show(id, ...children) {
		const section = document.getElementById(id);
		section.hidden = children.length === 0;
		section.replaceChildren(...children);
	}

	name(span) {
		return this.recording.lanes[this.recording.laneOf(span)].name;
	}

	// ---- one moment ----

	showSpan(span) {
		const recording = this.recording, cause = recording.causeOf(span);
		const step = causeBefore(recording, span);
		const detail = recording.detail[span];
		this.show('now', element('h2', {}, `${this.name(span)}: ${STATES[recording.state[span]]}`),
			facts([
				['for', duration(recording.to[span] - recording.from[span])],
				['from', `${duration(recording.from[span])} after the beginning`],
				['doing', cause?.wait ?? ''],
				['call', cause?.call ?? ''],
				['object', cause?.object ?? ''],
				['ended', cause?.ended ?? ''],
				['on CPU', recording.state[span] === RUNNING ? String(detail) : ''],
				['why', recording.state[span] === READY ? recording.whys[detail] : ''],
			]),
			this.nextHop(step));
		document.getElementById('now').scrollIntoView({block: 'nearest'});
	}

	// What is one step further back in cause.
	nextHop(step) {
		if (step.span === undefined)
			return element('p', {}, `Before that: ${step.words}.`);
		return element('p', {}, `Next hop: ${step.words}: `, this.link(
			`${this.name(step.span)}, ${whatItDid(this.recording, step.span)}`, step.span));
	}

	clear(words = 'Click a bar, or press an arrow key, to see what the thread did and why.') {
		this.show('now', element('p', {}, words), element('p', {className: 'soft'},
			'A row is a thread, from left to right goes time. Where a bar is full the thread had a CPU; ' +
			'where it is thin it waited, until somebody ended that, from whom the arrow comes; a dot is none of ' +
			'these threads, but a timer, an interrupt or somebody who was not followed. ' +
			'What is too short to be seen shares its column with its neighbours, each as high as it ' +
			'is long.'));
	}

	showChain(chain) {
		const items = chain.slice(0, ROWS_MOST).map(({span, words}) => element('li', {},
			this.link(`${this.name(span)}, ${whatItDid(this.recording, span)}`, span),
			` for ${duration(this.recording.to[span] - this.recording.from[span])}: ${words}`));
		const more = chain.length - items.length;
		this.show('chain', ...chain.length ? [element('h2', {}, 'Where it came from'),
			element('p', {className: 'soft'}, 'Each line is caused by the one below it.'),
			element('ol', {}, ...items),
			...more > 0 ? [element('p', {}, `and ${more} more`)] : []] : []);
	}

	// ---- a stretch of time ----

	showPath(path, lane, range) {
		if (!range) {
			this.show('path');
			return;
		}
		const told = path.reduce((sum, part) => sum + part.to - part.from, 0);
		const sums = addUp(this.recording, path), parts = shares(sums.map(sum => sum.time));
		const rows = sums.slice(0, ROWS_MOST).map((sum, i) => [duration(sum.time), parts[i],
			this.link(this.recording.lanes[sum.lane].name, sum.span), sum.what]);
		this.show('path', element('h2', {}, 'Critical path'),
			element('p', {}, `How ${duration(range[1] - range[0])} were spent until ` +
				`${this.recording.lanes[lane].name} got to where it was at their end` +
				(told < range[1] - range[0] ? `; ${duration(range[1] - range[0] - told)} are not told:` : ':')),
			table(['time', '', 'thread', 'what'], rows));
	}

	// ---- search ----

	showFound(text) {
		if (!text) {
			this.show('found');
			return [];
		}
		const found = this.find(text.toLowerCase());
		const items = found.slice(0, ROWS_MOST).map(({span, words}) =>
			element('li', {}, this.link(words, span)));
		this.show('found', element('h2', {}, `${found.length} found`), element('ul', {}, ...items));
		return found.map(({span}) => span);
	}

	// Threads by name, then waits by what is said of them: the longest of each thread.
	find(text) {
		const recording = this.recording;
		const threads = recording.lanes.flatMap((lane, i) =>
			lane.name.toLowerCase().includes(text) && recording.first[i] < recording.first[i + 1] ?
				[{span: recording.first[i], words: lane.name}] : []);
		const waits = this.waits().filter(({cause}) => {
			const {wait, ended} = recording.causes[cause];
			return wait.toLowerCase().includes(text) || ended.toLowerCase().includes(text);
		});
		return [...threads, ...waits.map(wait => ({span: wait.span, words: this.sentence(wait)}))];
	}

	// ---- all of it ----

	// What each thread waited for, most time first: [{lane, cause, time, count, span}], span the longest.
	waits() {
		if (this.allWaits)
			return this.allWaits;
		const recording = this.recording, sums = new Map();
		for (let lane = 0; lane < recording.lanes.length; lane++)
			for (let span = recording.first[lane]; span < recording.first[lane + 1]; span++)
				if (recording.cause[span] >= 0)
					this.addWait(sums, lane, span);
		this.allWaits = [...sums.values()].sort((a, b) => b.time - a.time);
		return this.allWaits;
	}

	addWait(sums, lane, span) {
		const {cause, from, to} = this.recording;
		const key = lane * this.recording.causes.length + cause[span], time = to[span] - from[span];
		const sum = sums.get(key) ?? {lane, cause: cause[span], time: 0, count: 0, span, longest: 0};
		sum.time += time;
		sum.count++;
		if (time > sum.longest) {
			sum.longest = time;
			sum.span = span;
		}
		sums.set(key, sum);
	}

	sentence({lane, cause, time, count}) {
		const {wait, ended} = this.recording.causes[cause];
		const times = count === 1 ? '' : `, ${count} times`;
		return `${this.recording.lanes[lane].name} waited ${duration(time)}${times}: ${wait}, ${ended}`;
	}

	showSummary(diagram) {
		const {report} = this.recording;
		this.show('notes', ...report.notes.map(note => element('p', {}, note)));
		this.show('summary', element('h2', {}, 'What they did'), this.processes(),
			element('h2', {}, 'Who waited longest'),
			element('ul', {}, ...this.waits().slice(0, 12).map(wait =>
				element('li', {}, this.link(this.sentence(wait), wait.span)))),
			element('h2', {}, 'The states'), this.diagram(diagram),
			element('h2', {}, 'What text books say'), ...this.verdicts(),
			...report.doubts.length ? [element('h2', {}, 'What the recording does not tell'),
				element('ul', {}, ...report.doubts.map(doubt => element('li', {}, doubt)))] : []);
	}

	// Small, and a click makes it large.
	diagram(diagram) {
		const image = () => element('img', {alt: 'The states and how often threads changed between them',
			src: `data:image/svg+xml,${encodeURIComponent(diagram)}`});
		const dialog = document.getElementById('diagram');
		dialog.querySelector('div').replaceChildren(image());
		const button = element('button', {type: 'button', className: 'picture', title: 'larger (g)'}, image());
		button.addEventListener('click', () => dialog.showModal());
		return button;
	}

	// Those that ran longest, as their lanes stand. A process that is only named has no time of its own.
	processes() {
		const {report, lanes, first} = this.recording;
		const laneOf = ({pid}) => lanes.findIndex(({tid}, i) => tid === pid && first[i] < first[i + 1]);
		const rows = report.processes.filter(process => process.thread_count).slice(0, ROWS_MOST)
			.map(process => [laneOf(process), process]).sort(([a], [b]) => a - b)
			.map(([lane, {pid, comm, time_ns, transitions}]) => [
				lane < 0 ? `${pid} ${comm}` : this.link(`${pid} ${comm}`, first[lane]),
				duration(time_ns.running), duration(time_ns.ready),
				duration(time_ns.blocked + time_ns.asleep), String(transitions.blocked)]);
		return table(['process', 'running', 'ready', 'blocked', 'waits'], rows);
	}

	verdicts() {
		const answers = {true: 'true here', false: 'not here', unknown: 'cannot be told'};
		return this.recording.report.verdicts.map(verdict => element('details', {},
			element('summary', {}, `${verdict.claim.replace(/\.$/, '')}: ${answers[verdict.answer]}`),
			element('p', {}, verdict.figures)));
	}
}
