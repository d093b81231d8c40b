package abi

// System V IPC: flags and commands that its three kinds share.
const (
	IPC_PRIVATE = 0
	IPC_CREAT   = 0o1000
	IPC_EXCL    = 0o2000
	IPC_NOWAIT  = 0o4000

	IPC_RMID = 0
	IPC_SET  = 1
	IPC_STAT = 2
	IPC_INFO = 3
)

// Shared memory.
const (
	SHM_EXEC      = 0o100000 // in shmat(2): map it executable
	SHM_RDONLY    = 0o10000
	SHM_RND       = 0o20000
	SHM_REMAP     = 0o40000
	SHM_HUGETLB   = 0o4000
	SHM_NORESERVE = 0o10000
	SHM_DEST      = 0o1000 // in the mode that IPC_STAT shows: marked for removal
	SHM_LOCKED    = 0o2000

	SHM_LOCK     = 11
	SHM_UNLOCK   = 12
	SHM_STAT     = 13
	SHM_INFO     = 14
	SHM_STAT_ANY = 15
)

// Semaphores.
const (
	SEM_UNDO = 0x1000
	SEMVMX   = 32767

	GETPID       = 11
	GETVAL       = 12
	GETALL       = 13
	GETNCNT      = 14
	GETZCNT      = 15
	SETVAL       = 16
	SETALL       = 17
	SEM_STAT     = 18
	SEM_INFO     = 19
	SEM_STAT_ANY = 20
)

// Messages.
const (
	MSG_NOERROR = 0o10000
	MSG_EXCEPT  = 0o20000
	MSG_COPY    = 0o40000

	MSG_STAT     = 11
	MSG_INFO     = 12
	MSG_STAT_ANY = 13
)

// IPCPerm is struct ipc64_perm.
type IPCPerm struct {
	Key                  int32
	UID, GID, CUID, CGID uint32
	Mode                 uint32
	Seq                  uint16
	_                    [6]byte
	_                    [2]uint64
}

// ShmidDs is struct shmid64_ds.
type ShmidDs struct {
	Perm                IPCPerm
	Segsz               uint64 // bytes
	Atime, Dtime, Ctime int64
	CPID, LPID          int32
	Nattch              uint64
	_                   [2]uint64
}

// ShmInfo64 is struct shminfo64: limits.
type ShmInfo64 struct {
	Max, Min, MNI, Seg, All uint64
	_                       [4]uint64
}

// ShmUsage is struct shm_info, in pages.
type ShmUsage struct {
	UsedIDs               int32
	_                     int32
	Total, RSS, Swapped   uint64
	SwapAttempts, Success uint64
}

// Sembuf is struct sembuf: one operation.
type Sembuf struct {
	Num uint16
	Op  int16
	Flg int16
}

// SemidDs is struct semid64_ds.
type SemidDs struct {
	Perm  IPCPerm
	Otime int64
	_     uint64
	Ctime int64
	_     uint64
	Nsems uint64
	_     [2]uint64
}

// SemInfo is struct seminfo.
type SemInfo struct{ Map, MNI, MNS, MNU, MSL, OPM, UME, USZ, VMX, AEM int32 }

// MsqidDs is struct msqid64_ds.
type MsqidDs struct {
	Perm                IPCPerm
	Stime, Rtime, Ctime int64
	Cbytes              uint64
	Qnum                uint64
	Qbytes              uint64
	LSPID, LRPID        int32
	_                   [2]uint64
}

// MsgInfo is struct msginfo.
type MsgInfo struct {
	Pool, Map, Max, MNB, MNI, SSZ, TQL int32
	Seg                                uint16
	_                                  uint16
}
