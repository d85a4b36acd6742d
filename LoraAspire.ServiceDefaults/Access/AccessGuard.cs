using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace LoraAspire.ServiceDefaults.Access;

/// <summary>Stands before everything that a service answers: what <see cref="AccessRules"/> refuses goes no further.</summary>
internal sealed class AccessGuard(IConfiguration configuration) : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        var rules = AccessRules.From(configuration);
        app.Use((context, onwards) =>
            rules.Refuse(context) is { } refusal ? refusal.WriteAsync(context)
            : rules.Key is { } key && context.Request.Path == AccessRules.LoginPath ? LogInAsync(context, key)
            : onwards(context));
        next(app);
    };

    /// <summary>GET /login?key=KEY: a browser gets the cookie that opens the pages of every service under this host name.</summary>
    private static async Task LogInAsync(HttpContext context, ApiKey key)
    {
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            await new Refusal(StatusCodes.Status405MethodNotAllowed, "A login is a GET of /login?key=KEY.").WriteAsync(context);
            return;
        }
        if (!key.Is(context.Request.Query["key"]))
        {
            await new Refusal(StatusCodes.Status401Unauthorized,
                "That is not this service's key. The login link stands in the terminal, the key in the API key file.", "invalid_api_key")
                .WriteAsync(context);
            return;
        }
        Refusal.KeepPrivate(context.Response);
        context.Response.Cookies.Append(ApiKey.CookieName, key.Cookie,
            new() { HttpOnly = true, SameSite = SameSiteMode.Strict, Path = "/", Secure = context.Request.IsHttps });
        context.Response.Redirect("/");
    }
}

internal static class AccessGuardExtensions
{
    public static void AddAccessGuard(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IStartupFilter, AccessGuard>();
        builder.Services.Configure<KestrelServerOptions>(AccessLimits.Apply);
    }
}
