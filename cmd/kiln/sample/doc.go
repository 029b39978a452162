// Package sample is a small invented hospital: two wards, an emergency room and an outpatient clinic with their rooms and beds,
// staff, twelve patients with histories, their care teams and appointments, and the people who sign in. It is what
// `kiln demo` shows, and the same every time but for its dates, which lie around a given day. Nobody in it exists.
package sample
