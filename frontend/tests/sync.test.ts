import { describe, expect, it } from 'vitest'
import { Sync } from '../src/charts/sync'

describe('Sync', () => {
  it('zooms around the cursor, tells the page, and goes back to the present', () => {
    const s = new Sync([0, 100])
    const picked: unknown[] = []
    s.onPick = (range) => void picked.push(range)
    s.hover = 50
    s.zoom(0.5)
    expect(s.range).toEqual([25, 75])
    expect(s.live).toBe(false)
    s.reset()
    expect(s.range).toEqual([0, 100])
    expect(picked).toEqual([[25, 75], null])
  })
  it('time moves home on, but not a range somebody zoomed to', () => {
    const s = new Sync([0, 100])
    s.setRange([20, 40])
    s.follow(110)
    expect(s.range).toEqual([20, 40])
    expect(s.home).toEqual([10, 110])
    s.reset()
    s.follow(120)
    expect(s.range).toEqual([20, 120])
  })
  it('never shows the future, and zooming out far enough is the way back', () => {
    const s = new Sync([0, 100])
    s.setRange([50, 500])
    expect(s.range).toEqual([50, 100])
    s.zoom(4)
    expect(s.live).toBe(true)
  })
  it('a young history fills the width and grows to the whole span', () => {
    const s = new Sync([0, 900])
    s.floor = 600
    s.setSpan(900)
    expect(s.range).toEqual([600, 900])
    s.follow(700)
    expect(s.range).toEqual([580, 700])
    s.follow(2000)
    expect(s.range).toEqual([1100, 2000])
  })
  it('another range under a resting pointer keeps the cursor on the chart', () => {
    const day = 86400
    const s = new Sync([0, day])
    s.hover = 0.9 * day
    s.floor = day - 300
    s.setSpan(900)
    expect(s.range).toEqual([day - 300, day])
    expect(s.hover).toBeCloseTo(day - 30)
    s.setRange([day - 100, day])
    expect(s.hover).toBeCloseTo(day - 30)
  })
  it('keys that take a marked time stay at its end', () => {
    const s = new Sync([0, 100])
    s.hover = 40
    s.extend(20)
    s.take()
    expect(s.range).toEqual([40, 60])
    expect(s.hover).toBe(60)
  })
})
