import { Link } from "wouter";

export default function NotFoundPage() {
  return (
    <section className="state">
      <h1>There is no such page</h1>
      <p>
        <Link href="/">Go to the opportunities</Link>
      </p>
    </section>
  );
}
