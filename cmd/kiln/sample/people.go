package sample

// Member is somebody of the staff.
type Member struct {
	ID, Given, Family, Gender string
	Role                      string // SNOMED CT code, with what it means
	RoleText                  string
	Unit                      string // Location
	Rank                      string // of the account; the name is the ID
}

// Staff are those who work there. The codes of roles are of SNOMED CT.
var Staff = []Member{
	{"moreau", "Claire", "Moreau", "female", "309343006", "Physician", "ward-a", "clinician"},
	{"okafor", "Chidi", "Okafor", "male", "309343006", "Physician", "ward-b", "clinician"},
	{"haddad", "Rana", "Haddad", "female", "309343006", "Physician", "emergency", "clinician"},
	{"lindqvist", "Maja", "Lindqvist", "female", "224535009", "Registered nurse", "ward-a", "nurse"},
	{"santos", "Rui", "Santos", "male", "224535009", "Registered nurse", "ward-b", "nurse"},
	{"novak", "Eva", "Nováková", "female", "46255001", "Pharmacist", "pharmacy", "pharmacist"},
	{"weber", "Jonas", "Weber", "male", "159483005", "Healthcare clerk", "clinic", "clerk"},
	{"rossi", "Paola", "Rossi", "female", "159483005", "Healthcare clerk", "clinic", "cashier"},
	{"tanaka", "Ken", "Tanaka", "male", "309343006", "Head of department", "clinic", "manager"},
	{"brandt", "Ulla", "Brandt", "female", "159483005", "Data protection officer", "clinic", "auditor"},
	{"koch", "Peter", "Koch", "male", "159483005", "Administrator", "clinic", "administrator"},
	{"director", "Amina", "Diallo", "female", "309343006", "Medical director", "clinic", "director"},
}

// unit is a part of the house.
type unit struct{ ID, Name, Type, TypeText string }

// The codes are those of http://terminology.hl7.org/CodeSystem/v3-RoleCode.
var units = []unit{
	{"ward-a", "Ward A, internal medicine", "HU", "Hospital unit"},
	{"ward-b", "Ward B, surgery", "HU", "Hospital unit"},
	{"emergency", "Emergency room", "ER", "Emergency room"},
	{"clinic", "Outpatient clinic", "OF", "Outpatient facility"},
	{"pharmacy", "Pharmacy", "PHARM", "Pharmacy"},
}

// condition is something a patient has: a code of SNOMED CT.
type condition struct{ Code, Text string }

// medication is something a patient takes: a code of RxNorm with what is dispensed.
type medication struct{ Code, Text, Dose string }

// patient is an invented person, and why they are here.
type patient struct {
	ID, Given, Family, Gender, Birth string
	Ward                             string // of a running stay; "" for an outpatient
	Doctor, Nurse                    string
	Conditions                       []condition
	Medications                      []medication
	Allergy                          *condition
	Account                          bool // signs in
}

var (
	diabetes     = condition{"44054006", "Type 2 diabetes mellitus"}
	hypertension = condition{"38341003", "Hypertensive disorder"}
	asthma       = condition{"195967001", "Asthma"}
	pneumonia    = condition{"233604007", "Pneumonia"}
	hipFracture  = condition{"5913000", "Fracture of neck of femur"}
	appendicitis = condition{"74400008", "Appendicitis"}
	heartFailure = condition{"84114007", "Heart failure"}
	migraine     = condition{"37796009", "Migraine"}
	penicillin   = condition{"91936005", "Allergy to penicillin"}
	peanuts      = condition{"91935009", "Allergy to peanut"}

	metformin   = medication{"860975", "metformin hydrochloride 500 MG Oral Tablet", "1 tablet twice a day with meals"}
	lisinopril  = medication{"314076", "lisinopril 10 MG Oral Tablet", "1 tablet in the morning"}
	salbutamol  = medication{"745679", "albuterol 0.09 MG/ACTUAT Metered Dose Inhaler", "2 puffs when short of breath"}
	paracetamol = medication{"313782", "acetaminophen 325 MG Oral Tablet", "2 tablets every 6 hours as needed"}
	furosemide  = medication{"310429", "furosemide 20 MG Oral Tablet", "1 tablet in the morning"}
)

var patients = []patient{
	{"anna-berg", "Anna", "Berg", "female", "1948-02-11", "ward-a", "moreau", "lindqvist", []condition{heartFailure, hypertension}, []medication{furosemide, lisinopril}, nil, true},
	{"bruno-costa", "Bruno", "Costa", "male", "1962-07-30", "ward-a", "moreau", "lindqvist", []condition{pneumonia, diabetes}, []medication{metformin, paracetamol}, &penicillin, false},
	{"carla-dumont", "Carla", "Dumont", "female", "1975-11-04", "ward-a", "moreau", "lindqvist", []condition{asthma}, []medication{salbutamol}, nil, false},
	{"david-engel", "David", "Engel", "male", "1939-05-22", "ward-b", "okafor", "santos", []condition{hipFracture, hypertension}, []medication{paracetamol, lisinopril}, nil, false},
	{"elif-firat", "Elif", "Firat", "female", "1994-09-17", "ward-b", "okafor", "santos", []condition{appendicitis}, []medication{paracetamol}, nil, false},
	{"felix-gruber", "Felix", "Gruber", "male", "2011-03-08", "ward-b", "okafor", "santos", []condition{appendicitis, asthma}, []medication{salbutamol}, &peanuts, false},
	{"grace-hansen", "Grace", "Hansen", "female", "1983-12-25", "", "moreau", "", []condition{diabetes}, []medication{metformin}, nil, true},
	{"hugo-ivanov", "Hugo", "Ivanov", "male", "1957-01-19", "", "moreau", "", []condition{hypertension}, []medication{lisinopril}, nil, false},
	{"ines-jansen", "Ines", "Jansen", "female", "2019-06-02", "", "haddad", "", []condition{asthma}, []medication{salbutamol}, &peanuts, false},
	{"jakub-kral", "Jakub", "Král", "male", "1990-10-10", "", "haddad", "", []condition{migraine}, []medication{paracetamol}, nil, false},
	{"kofi-lemaire", "Kofi", "Lemaire", "male", "1968-04-14", "", "okafor", "", []condition{diabetes, hypertension}, []medication{metformin, lisinopril}, &penicillin, false},
	{"lena-marin", "Lena", "Marin", "female", "2001-08-28", "", "okafor", "", nil, nil, nil, false},
}

// Account is somebody who signs in.
type Account struct{ Name, Title, Rank, FHIRUser string }

// Accounts are the staff, two patients, and the mother of a child.
func Accounts() []Account {
	var list []Account
	for _, m := range Staff {
		list = append(list, Account{m.ID, m.Given + " " + m.Family, m.Rank, "Practitioner/" + m.ID})
	}
	for _, p := range patients {
		if p.Account {
			list = append(list, Account{p.ID, p.Given + " " + p.Family, "patient", "Patient/" + p.ID})
		}
	}
	return append(list, Account{"petra-jansen", "Petra Jansen", "proxy", "RelatedPerson/petra-jansen"})
}
