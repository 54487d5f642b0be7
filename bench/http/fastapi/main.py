"""The task-api contract as it is usually written in Python: FastAPI, SQLAlchemy, psycopg2, PyJWT.

usage: DATABASE_URL=… SECRET=… uvicorn main:app --workers 2
"""

import os
from datetime import datetime
from typing import List, Optional

import jwt
from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field, root_validator, validator
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Text, create_engine, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, declarative_base, sessionmaker

engine = create_engine(os.environ["DATABASE_URL"].replace("postgres://", "postgresql://"), pool_size=20, max_overflow=0)
SessionLocal = sessionmaker(bind=engine, autoflush=False)
Base = declarative_base()
app = FastAPI()
bearer = HTTPBearer()


class Task(Base):
    __tablename__ = "tasks"

    user_id = Column(Text, primary_key=True)
    id = Column(BigInteger, Identity(always=True), primary_key=True)
    title = Column(Text, nullable=False)
    description = Column(Text)
    is_completed = Column(Boolean, nullable=False, default=False)
    priority = Column(Text)
    due_date = Column(Text)
    tags = Column(JSONB, nullable=False, default=list)
    category = Column(Text)
    status = Column(Text)
    created_at = Column(DateTime(timezone=True), server_default=func.now())
    updated_at = Column(DateTime(timezone=True), server_default=func.now(), onupdate=func.now())


class TaskCreate(BaseModel):
    title: str = Field(min_length=1, max_length=500)
    description: Optional[str] = Field(default=None, max_length=5000)


class TaskUpdate(BaseModel):
    title: Optional[str] = Field(default=None, min_length=1, max_length=500)
    description: Optional[str] = Field(default=None, max_length=5000)


class TaskResponse(BaseModel):
    id: int
    title: str
    description: str
    is_completed: bool
    completed: bool = False
    created_at: datetime
    updated_at: datetime
    user_id: str
    priority: Optional[str]
    due_date: Optional[str]
    tags: List[str]
    category: Optional[str]
    status: Optional[str]

    class Config:
        orm_mode = True

    @root_validator(skip_on_failure=True)
    def derived(cls, values):
        done = values["is_completed"]
        return {**values, "completed": done, "status": values["status"] or ("completed" if done else "pending")}

    @validator("description", pre=True)
    def never_null(cls, value):
        return value or ""


class TaskList(BaseModel):
    tasks: List[TaskResponse]
    total: int
    count: int
    limit: int
    offset: int
    has_more: bool


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


def current_user(user_id: str, credentials: HTTPAuthorizationCredentials = Depends(bearer)) -> str:
    try:
        claims = jwt.decode(credentials.credentials, os.environ["SECRET"], algorithms=["HS256"])
    except jwt.PyJWTError:
        raise HTTPException(status_code=401, detail="Invalid token")
    if claims.get("sub") != user_id:
        raise HTTPException(status_code=403, detail="Forbidden")
    return user_id


def find(db: Session, user_id: str, task_id: int) -> Task:
    task = db.query(Task).filter(Task.user_id == user_id, Task.id == task_id).first()
    if task is None:
        raise HTTPException(status_code=404, detail="Task not found")
    return task


def save(db: Session, task: Task) -> Task:
    db.commit()
    db.refresh(task)
    return task


@app.get("/health")
def health(db: Session = Depends(get_db)):
    db.execute(text("SELECT 1"))
    return {"status": "ok"}


@app.get("/api/{user_id}/tasks", response_model=TaskList)
def list_tasks(
    limit: int = 50, offset: int = 0, user: str = Depends(current_user), db: Session = Depends(get_db)
):
    query = db.query(Task).filter(Task.user_id == user)
    total = query.count()
    tasks = query.order_by(Task.created_at.desc(), Task.id.desc()).limit(limit).offset(offset).all()
    return {
        "tasks": tasks,
        "total": total,
        "count": total,
        "limit": limit,
        "offset": offset,
        "has_more": offset + len(tasks) < total,
    }


@app.post("/api/{user_id}/tasks", response_model=TaskResponse, status_code=201)
def create_task(body: TaskCreate, user: str = Depends(current_user), db: Session = Depends(get_db)):
    task = Task(user_id=user, title=body.title, description=body.description)
    db.add(task)
    return save(db, task)


@app.get("/api/{user_id}/tasks/{task_id}", response_model=TaskResponse)
def get_task(task_id: int, user: str = Depends(current_user), db: Session = Depends(get_db)):
    return find(db, user, task_id)


@app.put("/api/{user_id}/tasks/{task_id}", response_model=TaskResponse)
def update_task(
    task_id: int, body: TaskUpdate, user: str = Depends(current_user), db: Session = Depends(get_db)
):
    task = find(db, user, task_id)
    for field, value in body.dict(exclude_unset=True).items():
        setattr(task, field, value)
    return save(db, task)


@app.patch("/api/{user_id}/tasks/{task_id}/complete", response_model=TaskResponse)
def toggle_task(task_id: int, user: str = Depends(current_user), db: Session = Depends(get_db)):
    task = find(db, user, task_id)
    task.is_completed = not task.is_completed
    return save(db, task)


@app.delete("/api/{user_id}/tasks/{task_id}", status_code=204)
def delete_task(task_id: int, user: str = Depends(current_user), db: Session = Depends(get_db)):
    db.delete(find(db, user, task_id))
    db.commit()
    return Response(status_code=204)
