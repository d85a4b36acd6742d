namespace LoraAspire.Model.Fused;
internal static class CudaKernelsX { }
