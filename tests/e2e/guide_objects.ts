/** Objects that the examples of docs/guide/overrides.md speak of, and some beside them. */
export const GUIDE_OBJECTS = `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, labels: { app.kubernetes.io/part-of: shop } }
data: { region: eu-west-1 }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: cache-1, labels: { app.kubernetes.io/part-of: shop } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: debug, labels: { app.kubernetes.io/part-of: shop, tier: debug } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: of-nobody }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: shop, labels: { app.kubernetes.io/part-of: shop } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: api, labels: { app.kubernetes.io/part-of: shop, tier: api } }
spec:
  replicas: 5
  selector: { matchLabels: { app: api } }
  template:
    metadata: { labels: { app: api } }
    spec: { containers: [{ name: main, image: "registry.example.com/team/api:1.2" }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: load-generator, labels: { app.kubernetes.io/part-of: shop } }
spec:
  replicas: 1
  selector: { matchLabels: { app: load } }
  template:
    metadata: { labels: { app: load } }
    spec: { containers: [{ name: main, image: "busybox:1" }] }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: fast }
spec: { storageClassName: fast, accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: slow }
spec: { storageClassName: slow, accessModes: [ReadWriteMany], resources: { requests: { storage: 1Gi } } }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: shop }
spec:
  rules: [{ host: shop.example.com }, { host: a.internal.example.com }]
`;
