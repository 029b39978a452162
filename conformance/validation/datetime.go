package validation

// The forms of https://hl7.org/fhir/R4/datatypes.html#date, which are narrower than what search
// and FHIRPath read (package datatypes): a time has seconds, a dateTime with a time an offset.

// validDate is YYYY, YYYY-MM or YYYY-MM-DD of a day that exists; the year 0000 does not.
func validDate(s string) bool {
	if len(s) < 4 || !digits(s[:4]) || s[:4] == "0000" {
		return false
	}
	switch len(s) {
	case 4:
		return true
	case 7:
		return validMonth(s)
	case 10:
		return validMonth(s) && s[7] == '-' && validDay(s)
	}
	return false
}

func validMonth(s string) bool {
	return s[4] == '-' && between(s[5:7], 1, 12)
}

func validDay(s string) bool {
	return between(s[8:10], 1, daysIn(int(number(s[:4])), int(number(s[5:7]))))
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// between reports whether two digits are a number from low to high.
func between(s string, low, high int) bool {
	if !digit(s[0]) || !digit(s[1]) {
		return false
	}
	n := int(s[0]-'0')*10 + int(s[1]-'0')
	return n >= low && n <= high
}

// validDateTime is a date, or a date with a time and an offset.
func validDateTime(s string) bool {
	if len(s) <= 10 {
		return validDate(s)
	}
	return validInstant(s)
}

// validInstant is YYYY-MM-DDThh:mm:ss[.f…] with an offset.
func validInstant(s string) bool {
	if len(s) < 20 || s[10] != 'T' || !validDate(s[:10]) {
		return false
	}
	clock, ok := withoutOffset(s[11:])
	return ok && validTime(clock)
}

// withoutOffset takes Z or an offset from -14:00 to +14:00 off the end.
func withoutOffset(s string) (string, bool) {
	if s[len(s)-1] == 'Z' {
		return s[:len(s)-1], true
	}
	at := len(s) - 6
	if at < 0 || s[at] != '+' && s[at] != '-' || s[at+3] != ':' {
		return "", false
	}
	return s[:at], s[at+1:] == "14:00" || between(s[at+1:at+3], 0, 13) && between(s[at+4:], 0, 59)
}

// validTime is hh:mm:ss[.f…]; 24:00:00 is none, 23:59:60 is a leap second.
func validTime(s string) bool {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' || !between(s[:2], 0, 23) || !between(s[3:5], 0, 59) || !between(s[6:8], 0, 60) {
		return false
	}
	return len(s) == 8 || s[8] == '.' && digits(s[9:])
}
